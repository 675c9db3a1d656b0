//! `routo-receiver rejected`: the callbacks that could not be used, and using them after all.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::cli::{RejectedCommand, RejectedSelection, ReplayArguments};
use crate::config::Settings;
use crate::domain::{
    CallbackKind, EncodingOverrides, Event, Reception, RejectedRequest, Stamp, Transport,
};
use crate::error_chain::Chain;
use crate::store::{InsertError, RejectedFilter, StoreError, StoredRejected, StoredRejections};
use crate::telemetry;
use crate::wire::params::Params;
use crate::wire::{Unusable, delivery_report, inbound_message};

use super::AppError;
use super::service::OpenDatabase;

/// Rejected callbacks that are read at a time.
const PAGE: i64 = 1_000;

/// Overrides of every account that has some.
type Overrides<'a> = BTreeMap<&'a str, &'a EncodingOverrides>;

/// Why a rejected callback can't be used, still.
#[derive(Debug, thiserror::Error)]
enum StillRejected {
    #[error("{0}")]
    Unusable(#[from] Unusable),
    #[error("the row's {column} is none that this program writes")]
    Altered { column: &'static str },
    #[error(transparent)]
    Refused(InsertError),
}

pub(super) async fn run(command: &RejectedCommand, settings: &Settings) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    let open = OpenDatabase::of(settings).await?;
    let done = match command {
        RejectedCommand::List { selection, replayed, json } => {
            list(filter(selection, *replayed), *json, &open).await
        }
        RejectedCommand::Replay(arguments) => replay(arguments, settings, &open).await,
    };
    open.close().await;
    done
}

fn filter(selection: &RejectedSelection, replayed: bool) -> RejectedFilter {
    RejectedFilter {
        ids: selection.ids.clone(),
        account: selection.account.clone(),
        kind: selection.kind.map(CallbackKind::from),
        from: selection.from,
        to: selection.to,
        replayed,
    }
}

async fn list(filter: RejectedFilter, json: bool, open: &OpenDatabase) -> Result<(), AppError> {
    let mut rejections = StoredRejections::open(open.database.clone(), filter).await?;
    loop {
        let page = rejections.next(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for rejected in page {
            if json {
                say(Printable(&as_json(&rejected).to_string()));
            } else {
                say(Line(&rejected));
            }
        }
    }
}

async fn replay(
    arguments: &ReplayArguments,
    settings: &Settings,
    open: &OpenDatabase,
) -> Result<(), AppError> {
    let overrides: Overrides<'_> =
        settings.accounts.iter().map(|a| (a.name.as_str(), &a.encodings)).collect();
    let filter = filter(&arguments.selection, false);
    let mut rejections = StoredRejections::open(open.database.clone(), filter).await?;
    let (mut taken, mut left) = (0_u64, 0_u64);
    loop {
        let page = rejections.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        for rejected in page {
            let outcome = match read_again(&rejected, &overrides) {
                Ok(fact) if arguments.write => match rejections.replay(fact).await {
                    Ok(()) => Ok("is a row now"),
                    // The same error may hold for all, but one row may be its reason, too.
                    Err(error @ (InsertError::Refused { .. } | InsertError::Failed { .. })) => {
                        Err(StillRejected::Refused(error))
                    }
                    Err(failed) => return Err(StoreError::NoRows(failed).into()),
                },
                Ok(_) => Ok("can be used"),
                Err(still) => Err(still),
            };
            let id = rejected.id;
            match outcome {
                Ok(what) => {
                    taken += 1;
                    say(format_args!("{id} {}: {what}", rejected.kind));
                }
                Err(still) => {
                    left += 1;
                    let why = Chain(&still).to_string();
                    say(format_args!("{id} {}: stays: {}", rejected.kind, Printable(&why)));
                }
            }
        }
    }
    if arguments.write {
        say(format_args!("{taken} replayed, {left} stay rejected"));
    } else {
        say(format_args!("{taken} can be used, {left} can't; --write makes rows of them"));
    }
    Ok(())
}

/// Reads the request of a rejected callback as if it had just arrived, but with its own stamp.
fn read_again(
    rejected: &StoredRejected,
    overrides: &Overrides<'_>,
) -> Result<Event, StillRejected> {
    fn known<T>(column: &'static str, read: Option<T>) -> Result<T, StillRejected> {
        read.ok_or(StillRejected::Altered { column })
    }
    let kind = known("kind", CallbackKind::from_name(&rejected.kind))?;
    let request = known("request", RejectedRequest::from_json(&rejected.request))?;
    let reception = Reception {
        stamp: Stamp { received_at: rejected.received_at, id: rejected.id },
        account: known("account", rejected.account.parse().ok())?,
        transport: known("transport", Transport::from_name(&rejected.transport))?,
        remote_addr: known("remote_addr", rejected.remote_addr.parse().ok())?,
    };
    let parameters = request.parameters().as_bytes();
    Ok(match kind {
        CallbackKind::DeliveryReport => {
            let params = Params::parse(parameters, b"", &delivery_report::PARAMETERS);
            Event::DeliveryReport(delivery_report::parse(&params, reception)?)
        }
        CallbackKind::InboundMessage => {
            let params = Params::parse(parameters, b"", &inbound_message::PARAMETERS);
            let none = EncodingOverrides::default();
            let overrides = overrides.get(rejected.account.as_str()).copied().unwrap_or(&none);
            Event::InboundMessage(inbound_message::parse(&params, overrides, reception)?)
        }
    })
}

/// A rejected callback for people.
struct Line<'a>(&'a StoredRejected);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rejected) = self;
        let at = rejected.received_at.format(&Rfc3339).unwrap_or_default();
        let StoredRejected { id, account, kind, reason, .. } = rejected;
        // Postgres may quote a stranger's text in a reason.
        write!(f, "{at} {id} {account} {kind}: {}", Printable(reason))?;
        if rejected.replayed_at.is_some() {
            f.write_str(" (replayed)")?;
        }
        Ok(())
    }
}

/// Text of which nothing can work on a terminal. JSON stays JSON: what is escaped in it already has no
/// such characters left, and the others are escaped as JSON escapes them.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        for character in text.chars() {
            let is_plain = matches!(character, ' '..='~') || character.escape_debug().len() == 1;
            if is_plain {
                write!(f, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(f, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

fn as_json(rejected: &StoredRejected) -> Value {
    let request: Value = serde_json::from_str(&rejected.request).unwrap_or_default();
    let time = |time: time::OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
    json!({
        "received_at": time(rejected.received_at),
        "id": rejected.id,
        "account": rejected.account,
        "kind": rejected.kind,
        "reason": rejected.reason,
        "request": request,
        "transport": rejected.transport,
        "remote_addr": rejected.remote_addr,
        "replayed_at": rejected.replayed_at.map(time),
    })
}

fn say(line: impl fmt::Display) {
    // Nothing to be done about a reader that went away.
    let _ = writeln!(io::stdout(), "{line}");
}
