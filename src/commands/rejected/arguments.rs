//! What `rejected` is told.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccountName, CallbackKind};

use crate::commands::cli::time::parse as parse_time;

/// What is to be done with the rejected callbacks.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum RejectedCommand {
    /// Say which there are, and why.
    List {
        /// Which of them.
        #[command(flatten)]
        selection: RejectedSelection,

        /// Those that became rows by a replay, too.
        #[arg(long)]
        replayed: bool,

        /// One JSON object a line, with the request.
        #[arg(long)]
        json: bool,
    },
    /// Take them again as if they had just arrived, with their own time and id.
    Replay(ReplayArguments),
}

/// Which rejected callbacks to replay.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["all", "ids"])))]
pub struct ReplayArguments {
    /// Which of them.
    #[command(flatten)]
    pub selection: RejectedSelection,

    /// All that the other options leave, instead of naming each by --id.
    #[arg(long)]
    pub all: bool,

    /// Make rows of them. Without it, each is tried and taken back: what would become of it is shown.
    #[arg(long)]
    pub write: bool,
}

/// Some of the rejected callbacks.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RejectedSelection {
    /// Only this one, by its id; can be given several times.
    #[arg(long = "id", value_name = "UUID")]
    pub ids: Vec<Uuid>,

    /// Only those of this account.
    #[arg(long)]
    pub account: Option<AccountName>,

    /// Only those of this kind.
    #[arg(long)]
    pub kind: Option<Kind>,

    /// Only those that arrived at this time (RFC 3339), or day (UTC), or later.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub from: Option<OffsetDateTime>,

    /// Only those that arrived before.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub to: Option<OffsetDateTime>,
}

/// A kind of callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Delivery reports.
    DeliveryReport,
    /// Inbound messages.
    InboundMessage,
}

impl From<Kind> for CallbackKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::DeliveryReport => Self::DeliveryReport,
            Kind::InboundMessage => Self::InboundMessage,
        }
    }
}
