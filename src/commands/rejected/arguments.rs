//! The options of `rejected`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::commands::cli::time::parse as parse_time;
use crate::domain::{AccountName, CallbackKind};
use crate::store::RejectedFilter;

#[derive(Debug, Subcommand)]
pub(crate) enum RejectedCommand {
    /// Print each with the reason why it could not be used.
    List {
        #[command(flatten)]
        selection: RejectedSelection,

        /// Include those that were replayed.
        #[arg(long)]
        replayed: bool,

        /// Print one JSON object a line, with the request.
        #[arg(long)]
        json: bool,
    },
    /// Process them again as if they had just arrived, with their original time and id.
    Replay(ReplayArguments),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["all", "ids"])))]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    pub(crate) selection: RejectedSelection,

    /// All that the other options select, instead of naming each by --id.
    #[arg(long)]
    pub(crate) all: bool,

    /// Store them. Without it, only show what would happen to each.
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RejectedSelection {
    /// Only the one with this id; can be given several times.
    #[arg(long = "id", value_name = "UUID")]
    pub(crate) ids: Vec<Uuid>,

    /// Only those of this account.
    #[arg(long)]
    account: Option<AccountName>,

    /// Only those of this kind.
    #[arg(long)]
    pub(crate) kind: Option<RejectedKind>,

    /// Only those received at this time (RFC 3339) or on this day (UTC), or later.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<OffsetDateTime>,

    /// Only those received before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<OffsetDateTime>,
}

impl RejectedSelection {
    pub(super) fn filter(&self, replayed: bool) -> RejectedFilter {
        RejectedFilter {
            ids: self.ids.clone(),
            account: self.account.clone(),
            kind: self.kind.map(CallbackKind::from),
            from: self.from,
            to: self.to,
            replayed,
        }
    }
}

/// [`CallbackKind`] as an option.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RejectedKind {
    DeliveryReport,
    InboundMessage,
}

impl From<RejectedKind> for CallbackKind {
    fn from(kind: RejectedKind) -> Self {
        match kind {
            RejectedKind::DeliveryReport => Self::DeliveryReport,
            RejectedKind::InboundMessage => Self::InboundMessage,
        }
    }
}
