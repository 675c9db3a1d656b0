//! `routo-receiver rejected`: lists the callbacks that could not be used, and replays them.

mod arguments;
mod list;
mod replay;

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::config::Settings;
use crate::service::OpenDatabase;
use crate::telemetry;

use super::CommandError;

pub(super) use arguments::{RejectedCommand, ReplayArguments};

/// Rejected callbacks that are read at a time.
const PAGE: i64 = 1_000;

pub(super) async fn run(
    command: &RejectedCommand,
    settings: &Settings,
) -> Result<(), CommandError> {
    telemetry::start(&settings.log);
    let open = OpenDatabase::open_or_share(settings).await?;
    let done = match command {
        RejectedCommand::List { selection, replayed, json } => {
            list::run(selection.filter(*replayed), *json, &open.database).await
        }
        RejectedCommand::Replay(arguments) => {
            replay::run(arguments, settings, &open.database).await
        }
    };
    open.close().await;
    done
}

/// An id that was given and not found is probably a typing error.
fn all_were_found(missing: BTreeSet<Uuid>) -> Result<(), CommandError> {
    if missing.is_empty() {
        return Ok(());
    }
    Err(CommandError::NoSuchCallback { ids: missing.into_iter().collect() })
}
