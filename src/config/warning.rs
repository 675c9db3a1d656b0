//! What is allowed, but not wise.

use super::origin::Origin;
use super::postgres_url;

/// Something that works, but should not stay so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A report token that could be guessed.
    #[error(
        "{key} ({origin}) has fewer than 16 characters: a guessed token lets anybody send delivery \
         reports; make a longer one, for example with: openssl rand -hex 16"
    )]
    ShortReportToken {
        /// The key.
        key: String,
        /// Where it is set.
        origin: Origin,
    },
    /// A password that could be guessed.
    #[error("{key} ({origin}) has fewer than 8 characters: choose a longer password")]
    ShortPassword {
        /// The key.
        key: String,
        /// Where it is set.
        origin: Origin,
    },
    /// A previous secret that is the current one.
    #[error(
        "{previous} ({origin}) is the same as {current}: put the new one into {current}, or remove \
         {previous}"
    )]
    PreviousIsCurrent {
        /// The key of the previous secret.
        previous: String,
        /// Where that is set.
        origin: Origin,
        /// The key of the current one.
        current: String,
    },
    /// A parameter of the database URL that counts for nothing, as a misspelt `sslmode` would. Neither
    /// its name nor its value is said: a password with an unescaped `?` looks like one.
    #[error(
        "{key} ({origin}) has {unknown} parameter(s) after '?' that are not known and count for \
         nothing; known are {}",
        postgres_url::PARAMETERS.join(", ")
    )]
    UnknownUrlParameters {
        /// The key.
        key: String,
        /// Where it is set.
        origin: Origin,
        /// How many.
        unknown: usize,
    },
}
