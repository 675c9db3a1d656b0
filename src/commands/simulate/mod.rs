//! `routo-receiver simulate`: simulates the gateway against a service.

mod arguments;
mod caller;
mod clean;
mod error;
mod once;
mod summary;
mod verification;

use std::time::Duration;

use simulator::{Delivery, Extent, Kinds, Pace, Run, RunSummary, Verdict};
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::service::raise_open_file_limit;
use crate::signals;
use crate::telemetry;

use super::CommandError;
use super::output::{print_line, print_lines};
use super::progress;

pub(super) use arguments::{SimulateArguments, SimulateCommand, SimulatedKind, TargetArguments};
pub use error::SimulateError;

use caller::Caller;
use summary::{RunReport, VerdictSummary};

/// Callbacks a second, unless --rate or --connections is given.
const RATE: u32 = 20;

/// The most connections of an open loop, unless --connections is given.
const CONNECTIONS: u32 = 256;

/// How long a run lasts, unless --duration or --count is given.
const DURATION: Duration = Duration::from_secs(10);

pub(super) async fn run(
    arguments: &SimulateArguments,
    settings: &Settings,
) -> Result<(), CommandError> {
    telemetry::start(&settings.log);
    match &arguments.command {
        Some(SimulateCommand::Once { kind, target }) => {
            return once::run(*kind, target, settings).await;
        }
        Some(SimulateCommand::Clean(arguments)) => return clean::run(arguments, settings).await,
        None => {}
    }
    let kinds = arguments.only.map_or(Kinds::Both, Kinds::from);
    let caller = Caller::of(&arguments.target, kinds, settings).await?;
    let database = match &arguments.target.verify {
        Some(_) => Some(caller::database(&arguments.target, settings)?),
        None => None,
    };
    if let Some(database) = &database {
        // A mistake in the URL shows before the run, not after it.
        let mut rows = verification::rows(&caller, database).await?;
        rows.next_reports(1).await?;
        rows.next_messages(1).await?;
        rows.close().await;
    }
    caller.destination.reach().await.map_err(SimulateError::from)?;
    raise_open_file_limit();
    let stop = signals::of_command().map_err(CommandError::Signals)?;
    let tally = play(arguments, &caller, stop.clone()).await;
    // A stop that ended the run early does not end the verification; one after the summary does.
    let give_up = if stop.is_cancelled() { CancellationToken::new() } else { stop };
    let summary = RunReport { caller: &caller, tally: &tally };
    if !arguments.json {
        // Before the verification: the database may not answer, and the user may not want to wait.
        print_lines(&summary)?;
    }
    let verdict = match &database {
        Some(database) => {
            let patience = arguments.verify_wait;
            let ledger = &tally.ledger;
            Some(verification::verify(&caller, ledger, database, patience, &give_up).await)
        }
        None => None,
    };
    if arguments.json {
        print_line(summary.json(database.as_ref(), verdict.as_ref()))?;
    }
    let verdict = verdict.transpose()?;
    if let (Some(verdict), Some(database), false) = (&verdict, &database, arguments.json) {
        print_lines(VerdictSummary { verdict, acknowledged: tally.acknowledged, database })?;
    }
    result(&tally, verdict.as_ref())
}

async fn play(
    arguments: &SimulateArguments,
    caller: &Caller,
    stop: CancellationToken,
) -> RunSummary {
    let (pace, extent) = (pace(arguments), extent(arguments));
    let progress = progress::counter(total(pace, extent), "callbacks");
    let run = Run {
        destination: caller.destination.clone(),
        behaviour: caller.behaviour,
        script: caller.script.clone(),
        pace,
        extent,
        watch: Box::new(move |delivery: &Delivery| {
            progress.inc(1);
            if !delivery.acknowledged() {
                progress.set_message(", some of them lost");
            }
        }),
    };
    run.play(stop).await
}

fn pace(arguments: &SimulateArguments) -> Pace {
    match (arguments.rate, arguments.connections) {
        (None, Some(connections)) => Pace::Closed { connections },
        (rate, connections) => Pace::Open {
            rate: rate.unwrap_or(RATE),
            connections: connections.unwrap_or(CONNECTIONS),
        },
    }
}

fn extent(arguments: &SimulateArguments) -> Extent {
    let SimulateArguments { duration, count, .. } = arguments;
    let default = if count.is_none() { Some(DURATION) } else { None };
    Extent { duration: duration.or(default), count: *count }
}

/// How many callbacks there will be. Unknown in a closed loop that ends after a time.
fn total(pace: Pace, extent: Extent) -> Option<u64> {
    let by_time = match (pace, extent.duration) {
        (Pace::Open { rate, .. }, Some(duration)) => {
            Some(duration.as_secs().saturating_mul(u64::from(rate)))
        }
        _ => None,
    };
    extent.count.into_iter().chain(by_time).min()
}

/// Callbacks that were lost or stored wrongly are a failure.
fn result(tally: &RunSummary, verdict: Option<&Verdict>) -> Result<(), CommandError> {
    let differences = verdict.map_or(0, Verdict::differences);
    let RunSummary { lost, unsent, .. } = *tally;
    if differences > 0 {
        Err(SimulateError::Differences(differences).into())
    } else if lost > 0 || unsent > 0 {
        Err(SimulateError::Lost { lost, unsent }.into())
    } else {
        Ok(())
    }
}
