//! Holding what is stored against what was acknowledged.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::commands::AppError;
use crate::store::{Database, SimulatedMessage, SimulatedReport, SimulatedRows, StoreError};
use crate::wire::text::Dcs;
use simulator::{ExpectedRow, Judge, Ledger, Verdict};

use super::caller::Caller;

/// Rows that are read at a time.
const PAGE: i64 = 2_000;

/// By so much the service's clock may be behind this one: rows have its times.
const CLOCKS: Duration = Duration::from_mins(15);

/// Between two looks, at least; a look that took longer is followed by as long a rest.
const REST: Duration = Duration::from_millis(500);

/// Judges every row of the run. What is missing may still come, out of the service's spool, and
/// Postgres may be away: as long as more comes, and so long after the last, it is looked again, unless
/// somebody is in a hurry.
pub(super) async fn verify(
    caller: &Caller,
    ledger: &Ledger,
    database: &Database,
    patience: Duration,
    hurry: &CancellationToken,
) -> Result<Verdict, AppError> {
    let mut fewest = u64::MAX;
    let mut last_progress = Instant::now();
    let spinner = spinner();
    loop {
        let began = Instant::now();
        let looked = look(caller, ledger, database).await;
        match &looked {
            Ok(verdict) if verdict.missing == 0 => break Ok(looked?),
            Ok(verdict) if verdict.missing < fewest => {
                fewest = verdict.missing;
                last_progress = Instant::now();
            }
            _ => {}
        }
        if last_progress.elapsed() >= patience || hurry.is_cancelled() {
            break Ok(looked?);
        }
        spinner.set_message(match &looked {
            Ok(verdict) => format!("{} acknowledged callbacks are not stored yet", verdict.missing),
            Err(_) => "Postgres can't be asked".to_owned(),
        });
        let rest = began.elapsed().max(REST);
        spinner.enable_steady_tick(Duration::from_millis(100));
        hurry.run_until_cancelled(sleep(rest.min(patience))).await;
    }
    .inspect(|_| spinner.finish_and_clear())
}

async fn look(
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
    rows.close().await;
    Ok(judge.verdict())
}

/// The rows of the run.
pub(super) async fn rows(
    caller: &Caller,
    database: &Database,
) -> Result<SimulatedRows, StoreError> {
    let prefix = format!("{}-", caller.script.run);
    SimulatedRows::open(database, caller.began - CLOCKS, &prefix).await
}

/// Shown on a terminal only.
fn spinner() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner} looking into the database, {elapsed}: {msg}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
