//! `routo-receiver rejected`: the callbacks that could not be used, and using them after all.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::cli::{RejectedCommand, RejectedSelection, ReplayArguments};
use crate::config::Settings;
use crate::domain::{CallbackKind, Event, EventKey, Reception, RejectedRequest, Transport};
use crate::error_chain::Chain;
use crate::store::{InsertError, RejectedFilter, StoreError, StoredRejected, StoredRejections};
use crate::telemetry;
use crate::wire::params::Params;
use crate::wire::{Unusable, delivery_report, inbound_message};

use super::AppError;
use super::encodings::Encodings;
use super::escaped::Escaped;
use super::service::OpenDatabase;

/// Rejected callbacks that are read at a time.
const PAGE: i64 = 1_000;

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
    let mut unseen = BTreeSet::from_iter(filter.ids.clone());
    let mut rejections = StoredRejections::open(open.database.clone(), filter).await?;
    loop {
        let page = rejections.next(PAGE).await?;
        if page.is_empty() {
            return all_were_seen(unseen);
        }
        for rejected in page {
            unseen.remove(&rejected.id);
            if json {
                say(Escaped(as_json(&rejected)));
            } else {
                say(Escaped(Line(&rejected)));
            }
        }
    }
}

/// An id that was asked for and not found is more often a slip than a wish.
fn all_were_seen(unseen: BTreeSet<Uuid>) -> Result<(), AppError> {
    if unseen.is_empty() {
        return Ok(());
    }
    Err(AppError::NoSuchCallback { ids: unseen.into_iter().collect() })
}

async fn replay(
    arguments: &ReplayArguments,
    settings: &Settings,
    open: &OpenDatabase,
) -> Result<(), AppError> {
    let mut encodings = Encodings::of(settings)?;
    let filter = filter(&arguments.selection, false);
    let mut unseen = BTreeSet::from_iter(filter.ids.clone());
    let mut rejections = StoredRejections::open(open.database.clone(), filter).await?;
    let (mut taken, mut left) = (0_u64, 0_u64);
    loop {
        let page = rejections.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        let (mut events, mut stay) = (Vec::new(), HashMap::new());
        for rejected in &page {
            match read_again(rejected, &mut encodings) {
                Ok(event) => events.push(event),
                Err(still) => {
                    stay.insert(rejected.id, still);
                }
            }
        }
        let refused = rejections.replay(&events, arguments.write).await;
        for (key, error) in refused.map_err(StoreError::NoRows)? {
            stay.insert(key.id, StillRejected::Refused(error));
        }
        for StoredRejected { id, kind, .. } in &page {
            unseen.remove(id);
            match stay.remove(id) {
                None => {
                    taken += 1;
                    let what = if arguments.write { "is a row now" } else { "can be used" };
                    say(Escaped(format_args!("{id} {kind}: {what}")));
                }
                Some(still) => {
                    left += 1;
                    say(Escaped(format_args!("{id} {kind}: stays: {}", Chain(&still))));
                }
            }
        }
    }
    if arguments.write {
        say(format_args!("{taken} replayed, {left} stay rejected"));
    } else {
        say(format_args!("{taken} can be used, {left} can't; --write makes rows of them"));
    }
    all_were_seen(unseen)
}

/// Reads the request of a rejected callback as if it had just arrived, but with its own key.
fn read_again(
    rejected: &StoredRejected,
    encodings: &mut Encodings,
) -> Result<Event, StillRejected> {
    fn known<T>(column: &'static str, read: Option<T>) -> Result<T, StillRejected> {
        read.ok_or(StillRejected::Altered { column })
    }
    let kind = known("kind", CallbackKind::from_name(&rejected.kind))?;
    let request = known("request", RejectedRequest::from_json(&rejected.request))?;
    let reception = Reception {
        key: EventKey { received_at: rejected.received_at, id: rejected.id },
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
            let overrides = encodings.of_account(&rejected.account);
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
        write!(f, "{at} {id} {account} {kind}: {reason}")?;
        if rejected.replayed_at.is_some() {
            f.write_str(" (replayed)")?;
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
