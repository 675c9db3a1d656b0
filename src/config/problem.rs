//! What can be wrong with a configuration, and what to do about it.
//!
//! No problem carries the value of a secret, or a text that could be one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{AccountName, InvalidAccountName};

use super::origin::{Origin, variable_of};

/// Everything that is wrong, one line a problem.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// In the order of the layers, then of the keys.
    pub problems: Vec<Problem>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    #[error("{}: {source}: check the path and its permissions", path.display())]
    FileUnreadable { path: PathBuf, source: io::Error },

    /// The line itself is not repeated: it may hold a secret.
    #[error("{origin}{}: {message}: correct the syntax (TOML)", at_line(*line))]
    Syntax { origin: Origin, line: Option<usize>, message: String },

    #[error("unknown key {key} ({origin}): {}", advice(origin, suggestion.as_deref()))]
    UnknownKey { key: String, origin: Origin, suggestion: Option<String> },

    #[error("{key} ({origin}) is a section, not a value: set the keys in it, such as {example}")]
    NotASection { key: String, origin: Origin, example: String },

    #[error("{key} ({origin}) is a single value, not a section or a list: write {key} = \"…\"")]
    NotAValue { key: String, origin: Origin },

    #[error("{key} ({origin}) is a list of strings: write {key} = [\"…\", \"…\"]")]
    NotAList { key: String, origin: Origin },

    /// `value` is cut short, and `None` where it may be a secret.
    #[error("{key}{} ({origin}) is invalid: expected {expected}", equals(value.as_deref()))]
    Invalid { key: String, origin: Origin, value: Option<String>, expected: String },

    /// A number or boolean where the exact text matters.
    #[error("{key} ({origin}) is a number or boolean: put it in quotes")]
    NeedsQuotes { key: String, origin: Origin },

    #[error("{key} ({origin}) is empty: give it a value, or remove it")]
    Empty { key: String, origin: Origin },

    /// `config/default.toml` lacks the key: a mistake in the program.
    #[error("{key} has no value: set it ({})", variable_of(key))]
    Missing { key: String },

    /// The name of the variable, or its value.
    #[error("environment variable {variable} is not UTF-8: set it to text")]
    NotUtf8 { variable: String },

    #[error("{key} ({origin}) and {key}_file ({file_origin}) are both set: remove one")]
    SecretTwice { key: String, origin: Origin, file_origin: Origin },

    /// The path is not repeated: somebody may have put the secret there.
    #[error(
        "the file that {key} names ({origin}) cannot be read: {source}: \
         check the path and its permissions"
    )]
    SecretFileUnreadable { key: String, origin: Origin, source: io::Error },

    #[error("accounts.{} ({origin}): {InvalidAccountName}: rename it", name.escape_debug())]
    AccountName { name: String, origin: Origin },

    #[error(
        "{given} ({origin}) is set, but {missing} is not: set it too ({}), or remove both",
        variable_of(missing)
    )]
    IncompleteLogin { given: String, origin: Origin, missing: String },

    #[error(
        "accounts.{account} ({origin}) has no credentials: \
         set user and password, or report_token, or remove the account"
    )]
    NoWayIn { account: AccountName, origin: Origin },

    #[error("{first} ({first_origin}) and {second} ({second_origin}) are the same: change one")]
    Shared { first: String, first_origin: Origin, second: String, second_origin: Origin },

    #[error(
        "{key} ({origin}): the last part must be a dcs value from 0 to 255, or the word missing"
    )]
    Dcs { key: String, origin: Origin },

    #[error(
        "ingest.commit_deadline is {commit_deadline:?} ({commit_origin}), which must be shorter \
         than http.request_timeout, {request_timeout:?} ({request_origin}): \
         lower the first or raise the second"
    )]
    CommitDeadline {
        commit_deadline: Duration,
        commit_origin: Origin,
        request_timeout: Duration,
        request_origin: Origin,
    },

    #[error(
        "{key} = {bytes} ({origin}) is too small for requests of up to {largest} bytes \
         (http.max_head_bytes and http.max_body_bytes, {body_origin}): make it {needed} or more, \
         or make those smaller"
    )]
    TooSmallForRequests {
        key: &'static str,
        bytes: u64,
        origin: Origin,
        largest: u64,
        body_origin: Origin,
        needed: u64,
    },

    #[error(
        "http.listen ({http_origin}) and admin.listen ({admin_origin}) are both on port {port}: \
         change one of them"
    )]
    SamePort { port: u16, http_origin: Origin, admin_origin: Origin },
}

impl Problem {
    /// Whether a whole file could not be read.
    pub(super) fn is_lost_file(&self) -> bool {
        matches!(self, Self::FileUnreadable { .. } | Self::Syntax { .. })
    }

    /// Whether a lost file could have what solves this.
    pub(super) fn may_be_due_to_a_lost_file(&self) -> bool {
        matches!(
            self,
            Self::IncompleteLogin { .. }
                | Self::NoWayIn { .. }
                | Self::CommitDeadline { .. }
                | Self::TooSmallForRequests { .. }
                | Self::SamePort { .. }
        )
    }
}

fn at_line(line: Option<usize>) -> String {
    line.map_or(String::new(), |line| format!(", line {line}"))
}

fn equals(value: Option<&str>) -> String {
    value.map_or(String::new(), |value| format!(" = {value:?}"))
}

fn advice(origin: &Origin, suggestion: Option<&str>) -> String {
    match (suggestion, origin) {
        (Some(key), Origin::Environment(_)) => {
            format!("did you mean {key}? Then set {}", variable_of(key))
        }
        (Some(key), _) => format!("did you mean {key}?"),
        (None, _) => "remove it; config/default.toml has every key".to_owned(),
    }
}
