//! The options of `redecode`.

use clap::Args;
use time::OffsetDateTime;

use crate::commands::cli::time::parse as parse_time;
use crate::domain::{AccountName, Encoding};
use crate::store::charset_labels;

#[derive(Debug, Args)]
pub(crate) struct RedecodeArguments {
    /// Only messages of this account.
    #[arg(long)]
    pub(crate) account: Option<AccountName>,

    /// Only messages that were decoded with this charset: a value of the column `charset`.
    #[arg(long, value_parser = parse_label)]
    pub(crate) charset: Option<String>,

    /// Only messages that could not be decoded completely.
    #[arg(long)]
    pub(crate) failed: bool,

    /// Only messages with this dcs; `missing` selects those without one.
    #[arg(long)]
    pub(crate) dcs: Option<DcsFilter>,

    /// Only messages received at this time (RFC 3339) or on this day (UTC), or later.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<OffsetDateTime>,

    /// Only messages received before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) to: Option<OffsetDateTime>,

    /// How to decode them: auto, gsm-7, iso-8859-1, utf-8, utf-16 or binary [default: as the service
    /// decodes messages of that account with that dcs today].
    #[arg(long, value_name = "ENCODING")]
    pub(crate) r#as: Option<Encoding>,

    /// Change the rows. Without it, only show what would change.
    #[arg(long)]
    pub(crate) write: bool,
}

/// A `dcs` as it arrived, named as in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DcsFilter {
    Missing,
    Is(String),
}

impl From<String> for DcsFilter {
    fn from(text: String) -> Self {
        if text == "missing" { Self::Missing } else { Self::Is(text) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no stored message has this charset; they are: {}", charset_labels().collect::<Vec<_>>().join(", "))]
struct UnknownLabel;

fn parse_label(text: &str) -> Result<String, UnknownLabel> {
    charset_labels().find(|label| *label == text).map(str::to_owned).ok_or(UnknownLabel)
}
