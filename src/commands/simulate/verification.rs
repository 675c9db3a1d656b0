//! Comparing what is stored with what was acknowledged.

use std::time::{Duration, Instant};

use simulator::{ExpectedRow, Judge, Ledger, Verdict};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::commands::{CommandError, progress};
use crate::store::{
    Database, SimulatedMessage, SimulatedRejected, SimulatedReport, SimulatedRows, StoreError,
};
use crate::wire::text::Dcs;

use super::caller::Caller;

/// Rows that are read at a time.
const PAGE: i64 = 2_000;

/// How far the service's clock, which gives rows their times, may be behind this machine's.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(15);

/// The shortest pause between two inspections. After one that took longer, the pause is as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Judges every row of the run. Missing rows may still come out of the service's spool, and Postgres
/// may be away: the database is inspected again until no row has come for `patience`, or until
/// `give_up`.
pub(super) async fn verify(
    caller: &Caller,
    ledger: &Ledger,
    database: &Database,
    patience: Duration,
    give_up: &CancellationToken,
) -> Result<Verdict, CommandError> {
    let mut fewest_missing = u64::MAX;
    let mut last_progress = Instant::now();
    let spinner = progress::spinner("inspecting the database");
    loop {
        let began = Instant::now();
        let inspected = inspect(caller, ledger, database).await;
        match &inspected {
            Ok(verdict) if verdict.missing == 0 => return Ok(inspected?),
            Ok(verdict) if verdict.missing < fewest_missing => {
                fewest_missing = verdict.missing;
                last_progress = Instant::now();
            }
            _ => {}
        }
        if last_progress.elapsed() >= patience || give_up.is_cancelled() {
            return Ok(inspected?);
        }
        spinner.set_message(match &inspected {
            Ok(verdict) => format!("{} acknowledged callbacks are not stored yet", verdict.missing),
            Err(_) => "Postgres does not answer".to_owned(),
        });
        spinner.enable_steady_tick(Duration::from_millis(100));
        let pause = began.elapsed().max(PAUSE).min(patience);
        give_up.run_until_cancelled(sleep(pause)).await;
    }
}

async fn inspect(
    caller: &Caller,
    ledger: &Ledger,
    database: &Database,
) -> Result<Verdict, StoreError> {
    let mut rows = rows(caller, database).await?;
    let reads = |dcs: Option<&str>| {
        caller.encodings.get(dcs.and_then(Dcs::parse).map(Dcs::value)).is_none()
    };
    let mut judge = Judge::new(&caller.script, ledger, &reads);
    loop {
        let reports = rows.next_reports(PAGE).await?;
        if reports.is_empty() {
            break;
        }
        for SimulatedReport { mess_id, number, status, extra, .. } in reports {
            judge.row(&ExpectedRow::Report { mess_id, number, status }, &extra);
        }
    }
    loop {
        let messages = rows.next_messages(PAGE).await?;
        if messages.is_empty() {
            break;
        }
        for SimulatedMessage { org, dest, dcs, message, message_raw, extra, .. } in messages {
            judge.row(&ExpectedRow::Message { org, dest, dcs, message, message_raw }, &extra);
        }
    }
    loop {
        let rejected = rows.next_rejected(PAGE).await?;
        if rejected.is_empty() {
            break;
        }
        for SimulatedRejected { parameters, .. } in rejected {
            judge.rejected(&parameters);
        }
    }
    rows.close().await;
    Ok(judge.verdict())
}

/// The rows of the run.
pub(super) async fn rows(
    caller: &Caller,
    database: &Database,
) -> Result<SimulatedRows, StoreError> {
    let prefix = format!("{}-", caller.script.run);
    SimulatedRows::open(database, caller.began - MAX_CLOCK_SKEW, &prefix).await
}
