//! `rejected replay`.

use std::collections::{BTreeSet, HashMap};

use crate::accounts::EncodingOverrides;
use crate::commands::CommandError;
use crate::commands::encodings::AccountEncodings;
use crate::commands::output::print_line;
use crate::config::Settings;
use crate::domain::{CallbackKind, Event, EventKey, Reception, Source, Transport};
use crate::error_chain::Chain;
use crate::store::{
    Database, InsertError, StoreError, StoredRejected, StoredRejections, rejected_request,
};
use crate::wire::{self, Unusable};

use super::{PAGE, ReplayArguments, all_were_found};

/// Why a rejected callback stays rejected.
#[derive(Debug, thiserror::Error)]
enum StillRejected {
    #[error("{0}")]
    Unusable(#[from] Unusable),
    #[error("{column} has a value that this program does not write: the row was changed")]
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
        let (mut events, mut refusals) = (Vec::new(), HashMap::new());
        for rejected in &page {
            match read_again(rejected, &mut encodings) {
                Ok(event) => events.push(event),
                Err(why) => {
                    refusals.insert(rejected.id, why);
                }
            }
        }
        let refused = rejections.replay(&events, arguments.write).await;
        for (key, error) in refused.map_err(StoreError::NoRows)? {
            refusals.insert(key.id, StillRejected::Refused(error));
        }
        for StoredRejected { id, kind, .. } in &page {
            missing.remove(id);
            match refusals.remove(id) {
                None => {
                    replayed += 1;
                    let what = if arguments.write { "replayed" } else { "can be replayed" };
                    print_line(format_args!("{id} {kind}: {what}"))?;
                }
                Some(why) => {
                    still_rejected += 1;
                    print_line(format_args!("{id} {kind}: stays rejected: {}", Chain(&why)))?;
                }
            }
        }
    }
    if arguments.write {
        print_line(format_args!("{replayed} replayed, {still_rejected} stay rejected"))?;
    } else {
        print_line(format_args!(
            "{replayed} can be replayed, {still_rejected} can't; --write replays them"
        ))?;
    }
    all_were_found(missing)
}

/// Reads a rejected callback as if it had just arrived, but with its own key.
fn read_again(
    rejected: &StoredRejected,
    encodings: &mut AccountEncodings,
) -> Result<Event, StillRejected> {
    fn known<T>(column: &'static str, read: Option<T>) -> Result<T, StillRejected> {
        read.ok_or(StillRejected::Altered { column })
    }
    let kind = known("kind", CallbackKind::from_name(&rejected.kind))?;
    let content = known("request", rejected_request::from_json(&rejected.request))?;
    let reception = Reception {
        key: EventKey { received_at: rejected.received_at, id: rejected.id },
        account: known("account", rejected.account.parse().ok())?,
        source: Source {
            transport: known("transport", Transport::from_name(&rejected.transport))?,
            remote_addr: known("remote_addr", rejected.remote_addr.parse().ok())?,
        },
    };
    let encodings = match kind {
        CallbackKind::DeliveryReport => &EncodingOverrides::default(),
        CallbackKind::InboundMessage => encodings.of_account(&rejected.account),
    };
    Ok(wire::parse_rejected(kind, &content, encodings, reception)?)
}
