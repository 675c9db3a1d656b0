//! What `redecode` is told.

use clap::Args;
use time::OffsetDateTime;

use crate::domain::{AccountName, Charset, Encoding};

use crate::commands::cli::time::parse as parse_time;

/// Which messages to read again, and how.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RedecodeArguments {
    /// Only messages of this account.
    #[arg(long)]
    pub account: Option<AccountName>,

    /// Only messages that were read in this charset, as in the column `charset`; also with `-failed`.
    #[arg(long, value_parser = parse_label)]
    pub charset: Option<String>,

    /// Only messages of which a part could not be read.
    #[arg(long)]
    pub failed: bool,

    /// Only messages that came with this dcs; `missing`: without one.
    #[arg(long)]
    pub dcs: Option<DcsFilter>,

    /// Only messages that arrived at this time (RFC 3339), or day (UTC), or later.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub from: Option<OffsetDateTime>,

    /// Only messages that arrived before.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub to: Option<OffsetDateTime>,

    /// How to read them: auto, gsm-7, iso-8859-1, utf-8, utf-16 or binary [default: as the service reads
    /// that account's messages with that dcs today].
    #[arg(long, value_name = "ENCODING")]
    pub r#as: Option<Encoding>,

    /// Change the rows. Without it, nothing is changed: what would be is shown.
    #[arg(long)]
    pub write: bool,
}

/// A `dcs` as it arrived, named as in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DcsFilter {
    /// There was none.
    Missing,
    /// It was this.
    Is(String),
}

impl From<String> for DcsFilter {
    fn from(text: String) -> Self {
        if text == "missing" { Self::Missing } else { Self::Is(text) }
    }
}

/// No charset that any row has.
#[derive(Debug, thiserror::Error)]
#[error("no charset of a stored message; they are: {}", Charset::labels().collect::<Vec<_>>().join(", "))]
struct UnknownLabel;

fn parse_label(text: &str) -> Result<String, UnknownLabel> {
    Charset::labels().find(|label| *label == text).map(str::to_owned).ok_or(UnknownLabel)
}
