//! `rejected replay`.

use std::collections::BTreeSet;

use crate::commands::CommandError;
use crate::commands::encodings::AccountEncodings;
use crate::commands::output::print_line;
use crate::config::Settings;
use crate::domain::{CallbackKind, Event, EventKey, Reception, RejectedRequest, Transport};
use crate::error_chain::Chain;
use crate::store::{Database, InsertError, StoreError, StoredRejected, StoredRejections};
use crate::wire::params::Params;
use crate::wire::{Unusable, delivery_report, inbound_message};

use super::{PAGE, ReplayArguments, all_were_found};

/// Why a rejected callback stays rejected.
#[derive(Debug, thiserror::Error)]
enum StillRejected {
    #[error("{0}")]
    Unusable(#[from] Unusable),
    #[error("this program does not write such a {column}: somebody has changed the row")]
    Altered { column: &'static str },
    #[error(transparent)]
    Refused(InsertError),
}

pub(super) async fn run(
    arguments: &ReplayArguments,
    settings: &Settings,
    database: &Database,
) -> Result<(), CommandError> {
    let mut encodings = AccountEncodings::of(settings)?;
    let filter = arguments.selection.filter(false);
    let mut missing = BTreeSet::from_iter(filter.ids.clone());
    let mut rejections = StoredRejections::open(database.clone(), filter).await?;
    let (mut replayed, mut still_rejected) = (0_u64, 0_u64);
    loop {
        let page = rejections.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        for rejected in page {
            missing.remove(&rejected.id);
            let StoredRejected { id, kind, .. } = &rejected;
            match replay(&mut rejections, &rejected, &mut encodings, arguments.write).await? {
                Ok(()) => {
                    replayed += 1;
                    let what = if arguments.write { "is a row now" } else { "can be used" };
                    print_line(format_args!("{id} {kind}: {what}"))?;
                }
                Err(why) => {
                    still_rejected += 1;
                    print_line(format_args!("{id} {kind}: stays: {}", Chain(&why)))?;
                }
            }
        }
    }
    if arguments.write {
        print_line(format_args!("{replayed} replayed, {still_rejected} stay rejected"))?;
    } else {
        print_line(format_args!(
            "{replayed} can be used, {still_rejected} can't; --write makes rows of them"
        ))?;
    }
    all_were_found(missing)
}

/// Makes a row of a rejected callback. Without `write`, inserts the row and rolls it back.
async fn replay(
    rejections: &mut StoredRejections,
    rejected: &StoredRejected,
    encodings: &mut AccountEncodings,
    write: bool,
) -> Result<Result<(), StillRejected>, CommandError> {
    let event = match read_again(rejected, encodings) {
        Ok(event) => event,
        Err(why) => return Ok(Err(why)),
    };
    let inserted =
        if write { rejections.replay(event).await } else { rejections.try_out(event).await };
    match inserted {
        Ok(()) => Ok(Ok(())),
        // The cause may be this row or the database itself: the next rows tell.
        Err(error @ (InsertError::Refused { .. } | InsertError::Failed { .. })) => {
            Ok(Err(StillRejected::Refused(error)))
        }
        Err(error) => Err(StoreError::NoRows(error).into()),
    }
}

/// Reads the request of a rejected callback as if it had just arrived, but with its own key.
fn read_again(
    rejected: &StoredRejected,
    encodings: &mut AccountEncodings,
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
