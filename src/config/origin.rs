//! Where a value came from.

use std::fmt;
use std::path::{Path, PathBuf};

/// The layer that gave a value, precisely enough to go there and change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The compiled-in `config/default.toml`.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// The environment variable with this name.
    Environment(String),
}

const FILE: &str = "file:";
const ENVIRONMENT: &str = "environment:";

impl Origin {
    pub(super) fn file(path: &Path) -> Self {
        Self::File(path.to_owned())
    }

    /// The text under which the layering crate carries an origin along with a value.
    pub(super) fn to_tag(&self) -> Option<String> {
        match self {
            Self::Default => None,
            Self::File(path) => Some(format!("{FILE}{}", path.display())),
            Self::Environment(name) => Some(format!("{ENVIRONMENT}{name}")),
        }
    }

    /// The inverse of [`Origin::to_tag`].
    pub(super) fn from_tag(tag: Option<&str>) -> Self {
        let Some(tag) = tag else {
            return Self::Default;
        };
        if let Some(name) = tag.strip_prefix(ENVIRONMENT) {
            Self::Environment(name.to_owned())
        } else {
            Self::File(tag.strip_prefix(FILE).unwrap_or(tag).into())
        }
    }
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
