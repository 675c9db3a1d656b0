//! What can be wrong with a configuration, in words that say what to do about it.
//!
//! No variant may carry the value of a secret, or of anything that could be one.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{AccountName, InvalidAccountName};

use super::expected::Expected;
use super::keys::{self, Suggestion};
use super::origin::Origin;

/// Everything that is wrong with a configuration, one line a problem.
#[derive(Debug)]
pub struct ConfigError {
    /// The problems, in the order of the layers, then of the keys.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file is not there, or cannot be read, or is not UTF-8.
    #[error("{}: {source}: check the path and who may read it", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not TOML. The line itself is not repeated, as it may hold a secret.
    #[error("{origin}{}: {what}: correct the syntax (TOML)", At(*line))]
    Syntax {
        /// The file.
        origin: Origin,
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
        /// What the parser says.
        what: String,
    },
    /// A key that does not exist.
    #[error("unknown key {key} ({origin}): {}", Meant { suggestion, variable, origin })]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it is.
        origin: Origin,
        /// The nearest key that exists, if one is near.
        suggestion: Option<String>,
        /// The environment variable of that key.
        variable: Option<String>,
    },
    /// A value where there has to be a section.
    #[error("{key} ({origin}) is a section, not a value: set the keys in it, such as {example}")]
    NotASection {
        /// The section.
        key: String,
        /// Where the value is.
        origin: Origin,
        /// A key in the section.
        example: String,
    },
    /// A section or list where there has to be a value.
    #[error("{key} ({origin}) is a single value, not a section or a list: write {key} = \"…\"")]
    NotAValue {
        /// The key.
        key: String,
        /// Where the section or list is.
        origin: Origin,
    },
    /// Something else where there has to be a list of texts.
    #[error("{key} ({origin}) is a list of texts: write {key} = [\"…\", \"…\"]")]
    NotAList {
        /// The key.
        key: String,
        /// Where it is.
        origin: Origin,
    },
    /// A value that the key cannot have.
    #[error("{key}{} ({origin}) is not usable: use {expected}", Is(value.as_deref()))]
    Invalid {
        /// The key.
        key: String,
        /// Where the value is.
        origin: Origin,
        /// The value, cut short; `None` where it is, or may hold, a secret.
        value: Option<String>,
        /// What the key can have.
        expected: Expected,
    },
    /// A text that is written like a number or a truth value, so that its exact form is lost.
    #[error("{key} ({origin}) is written as a number or truth value: put it in quotes")]
    NeedsQuotes {
        /// The key.
        key: String,
        /// Where the value is.
        origin: Origin,
    },
    /// A secret that is empty.
    #[error("{key} ({origin}) is empty: give it a value, or remove it")]
    Empty {
        /// The key.
        key: String,
        /// Where the value is.
        origin: Origin,
    },
    /// A key without a value although the defaults have one: a mistake in the program.
    #[error("{key} has no value: set it ({})", super::environment::variable_of(key))]
    Missing {
        /// The key.
        key: String,
    },
    /// An environment variable that is not UTF-8.
    #[error("environment variable {variable} is not UTF-8: set it to text")]
    NotUtf8 {
        /// The variable.
        variable: String,
    },
    /// A secret that is given both directly and in a file.
    #[error("{key} ({origin}) and {key}_file ({file_origin}) are both given: remove one of them")]
    SecretTwice {
        /// The key of the secret itself.
        key: String,
        /// Where it is given.
        origin: Origin,
        /// Where the file is given.
        file_origin: Origin,
    },
    /// A secret's file that cannot be read. Its path is not repeated: somebody may have put the
    /// secret itself there.
    #[error(
        "the file that {key} names ({origin}) cannot be read: {source}: \
         check the path and who may read it"
    )]
    SecretFileUnreadable {
        /// The key of the file.
        key: String,
        /// Where it is given.
        origin: Origin,
        /// Why not.
        source: io::Error,
    },
    /// An account's name that is not one.
    #[error("accounts.{} ({origin}): {InvalidAccountName}: rename it", name.escape_debug())]
    AccountName {
        /// The name.
        name: String,
        /// Where the account is.
        origin: Origin,
    },
    /// A user without a password, or the other way round; or a previous secret without the one that
    /// took its place.
    #[error(
        "{given} ({origin}) is given, but {missing} is not: \
         set it too ({}), or remove both",
        super::environment::variable_of(missing)
    )]
    IncompleteLogin {
        /// The key that is given.
        given: String,
        /// Where it is given.
        origin: Origin,
        /// The key that is not.
        missing: String,
    },
    /// An account that no callback could use.
    #[error(
        "accounts.{account} ({origin}) has no way in: \
         set user and password, or report_token, or remove the account"
    )]
    NoWayIn {
        /// The account.
        account: AccountName,
        /// Where it is mentioned.
        origin: Origin,
    },
    /// Two accounts with the same user or report token, so that a callback could be either's.
    #[error("{first} ({first_origin}) and {second} ({second_origin}) are the same: change one")]
    Shared {
        /// The key of the first account.
        first: String,
        /// Where that is set.
        first_origin: Origin,
        /// The key of the second account.
        second: String,
        /// Where that is set.
        second_origin: Origin,
    },
    /// Not a `dcs` value.
    #[error("{key} ({origin}): the last part has to be a dcs value, 0 to 255, or missing")]
    Dcs {
        /// The key.
        key: String,
        /// Where it is.
        origin: Origin,
    },
    /// The commit deadline would come after the request has been given up.
    #[error(
        "ingest.commit_deadline is {commit_deadline:?} ({commit_origin}), which has to be shorter \
         than http.request_timeout, {request_timeout:?} ({request_origin}): \
         lower the first or raise the second"
    )]
    CommitDeadline {
        /// `ingest.commit_deadline`.
        commit_deadline: Duration,
        /// Where that is set.
        commit_origin: Origin,
        /// `http.request_timeout`.
        request_timeout: Duration,
        /// Where that is set.
        request_origin: Origin,
    },
    /// The spool would be full after a few requests.
    #[error(
        "spool.max_bytes = {max_bytes} ({spool_origin}) is too little for requests of up to \
         {largest} bytes (http.max_head_bytes and http.max_body_bytes, {body_origin}): make it \
         {needed} or more, or make those smaller"
    )]
    SpoolTooSmall {
        /// `spool.max_bytes`.
        max_bytes: u64,
        /// Where that is set.
        spool_origin: Origin,
        /// The largest request, in bytes.
        largest: u64,
        /// Where `http.max_body_bytes` is set.
        body_origin: Origin,
        /// What `spool.max_bytes` must be at least.
        needed: u64,
    },
    /// Both listeners want the same port.
    #[error(
        "http.listen ({http_origin}) and admin.listen ({admin_origin}) are both on port {port}: \
         change one of them"
    )]
    SamePort {
        /// The port.
        port: u16,
        /// Where `http.listen` is set.
        http_origin: Origin,
        /// Where `admin.listen` is set.
        admin_origin: Origin,
    },
}

impl Problem {
    pub(super) fn unknown_key(path: &[String], origin: Origin) -> Self {
        let (suggestion, variable) =
            keys::nearest(path).map(|Suggestion { key, variable }| (key, variable)).unzip();
        Self::UnknownKey {
            key: path.join(".").escape_debug().to_string(),
            origin,
            suggestion,
            variable,
        }
    }

    pub(super) fn not_a_section(path: &[String], origin: Origin) -> Self {
        let example = match path {
            [first] if first == "accounts" => "accounts.main.user".to_owned(),
            [first, name] if first == "accounts" && keys::is_of_account(name) => {
                format!("accounts.main.{name}")
            }
            [first, name] if first == "accounts" => format!("accounts.{name}.user"),
            [first, name, ..] if first == "accounts" => format!("accounts.{name}.encodings.0"),
            _ => keys::KEYS
                .iter()
                .find(|key| key.split('.').next() == path.first().map(String::as_str))
                .map_or_else(|| path.join("."), |key| (*key).to_owned()),
        };
        Self::NotASection { key: path.join("."), origin, example }
    }

    pub(super) fn not_a_list(path: &[String], origin: Origin) -> Self {
        Self::NotAList { key: path.join("."), origin }
    }

    /// Whether a whole file is out of the reckoning.
    pub(super) fn is_lost_file(&self) -> bool {
        matches!(self, Self::FileUnreadable { .. } | Self::Syntax { .. })
    }

    /// Whether a layer that could not be read may have what is missed or contradicted here.
    pub(super) fn may_be_settled_elsewhere(&self) -> bool {
        matches!(
            self,
            Self::IncompleteLogin { .. }
                | Self::NoWayIn { .. }
                | Self::CommitDeadline { .. }
                | Self::SpoolTooSmall { .. }
                | Self::SamePort { .. }
        )
    }
}

struct At(Option<usize>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ", line {line}"))
    }
}

struct Is<'a>(Option<&'a str>);

impl fmt::Display for Is<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |value| write!(f, " = {value:?}"))
    }
}

struct Meant<'a> {
    suggestion: &'a Option<String>,
    variable: &'a Option<String>,
    origin: &'a Origin,
}

impl fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.suggestion, self.variable, self.origin) {
            (Some(key), Some(variable), Origin::Environment(_)) => {
                write!(f, "did you mean {key}? Then set {variable}")
            }
            (Some(key), ..) => write!(f, "did you mean {key}?"),
            (None, ..) => f.write_str("remove it; config/default.toml has every key"),
        }
    }
}
