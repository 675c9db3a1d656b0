//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

use ::config::Value;

/// The beginning of the variables that are read.
pub(super) const PREFIX: &str = "ROUTO_";

/// The layer that has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The compiled-in `config/default.toml`.
    Default,
    File(PathBuf),
    /// The environment variable with this name.
    Environment(String),
}

const ENVIRONMENT: &str = "environment:";
const FILE: &str = "file:";

impl Origin {
    /// The text in which the crate `config` carries the origin of a value.
    pub(super) fn to_tag(&self) -> Option<String> {
        match self {
            Self::Default => None,
            Self::File(path) => Some(format!("{FILE}{}", path.display())),
            Self::Environment(name) => Some(format!("{ENVIRONMENT}{name}")),
        }
    }

    pub(super) fn of(value: &Value) -> Self {
        let Some(tag) = value.origin() else { return Self::Default };
        if let Some(name) = tag.strip_prefix(ENVIRONMENT) {
            return Self::Environment(name.to_owned());
        }
        let path = tag.strip_prefix(FILE).expect("every tag is made by to_tag");
        Self::File(path.into())
    }
}

/// The variable that sets this key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}
