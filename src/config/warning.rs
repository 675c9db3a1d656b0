//! What works, but should be changed.

use super::origin::Origin;
use super::postgres_url::PARAMETERS;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    #[error(
        "{key} ({origin}) has fewer than 16 characters: a guessed token lets anybody send delivery \
         reports; make a longer one, for example with: openssl rand -hex 16"
    )]
    ShortReportToken { key: String, origin: Origin },

    #[error("{key} ({origin}) has fewer than 8 characters: choose a longer password")]
    ShortPassword { key: String, origin: Origin },

    #[error(
        "{previous} ({origin}) is the same as {current}: put the new one into {current}, or remove \
         {previous}"
    )]
    PreviousIsCurrent { previous: String, origin: Origin, current: String },

    /// Such as a misspelt `sslmode`. The parameters are not repeated: a password with an unescaped
    /// `?` looks like one.
    #[error(
        "{key} ({origin}) has {unknown} unknown parameter(s) after '?', which are ignored; known are \
         {PARAMETERS}"
    )]
    UnknownUrlParameters { key: String, origin: Origin, unknown: usize },
}
