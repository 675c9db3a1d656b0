//! `routo-receiver simulate`: the gateway, played against a service.

mod caller;
mod error;
mod once;
mod outcome;
mod verification;

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::cli::{SimulateArguments, SimulateCommand, SimulatedKind};
use crate::config::Settings;
use crate::{shutdown, telemetry};
use simulator::{Delivery, Extent, Kinds, Pace, Run, RunSummary, Verdict};

use super::AppError;
use super::service::raise_open_file_limit;

pub use error::SimulateError;

use caller::Caller;
use outcome::{Outcome, VerdictInWords};

/// Callbacks a second where nothing is said of how many.
const RATE: u32 = 20;

/// The most connections of an open loop where nothing is said of how many.
const CONNECTIONS: u32 = 256;

/// How long a run lasts where nothing is said of how long.
const DURATION: Duration = Duration::from_secs(10);

pub(super) async fn run(
    arguments: &SimulateArguments,
    settings: &Settings,
) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    if let Some(SimulateCommand::Once { kind, target }) = &arguments.once {
        return once::run(*kind, target, settings).await;
    }
    let kinds = match arguments.only {
        None => Kinds::Both,
        Some(SimulatedKind::Report) => Kinds::Reports,
        Some(SimulatedKind::Message) => Kinds::Messages,
    };
    let caller = Caller::of(&arguments.target, kinds, settings).await?;
    let database = match &arguments.target.verify {
        Some(_) => Some(caller::database(&arguments.target, settings)?),
        None => None,
    };
    if let Some(database) = &database {
        // A slip in the URL shall not be found after the run.
        let mut rows = verification::rows(&caller, database).await?;
        rows.next_reports(1).await?;
        rows.next_messages(1).await?;
        rows.close().await;
    }
    raise_open_file_limit();
    let stop = shutdown::on_signal().map_err(AppError::Signals)?;
    let tally = play(arguments, &caller, stop.clone()).await;
    let outcome = Outcome { caller: &caller, tally: &tally };
    if !arguments.json {
        // At once: the database may not answer, and whoever waits for it may not want to.
        say(&outcome);
    }
    let verdict = match &database {
        Some(database) => {
            // Who stopped the run wants to know all the same what is stored; who stops only now, not.
            let hurry = if stop.is_cancelled() { CancellationToken::new() } else { stop };
            let patience = arguments.verify_wait;
            let ledger = &tally.ledger;
            Some(verification::verify(&caller, ledger, database, patience, &hurry).await)
        }
        None => None,
    };
    if arguments.json {
        say(&outcome.json(verdict.as_ref()));
    }
    let verdict = verdict.transpose()?;
    if let (Some(verdict), false) = (&verdict, arguments.json) {
        say(&VerdictInWords { verdict, acknowledged: tally.acknowledged });
    }
    judged(&tally, verdict.as_ref())
}

/// Prints a line, or several.
fn say(text: &impl fmt::Display) {
    // Nothing to be done about a reader that went away.
    let _ = writeln!(io::stdout(), "{text}");
}

async fn play(
    arguments: &SimulateArguments,
    caller: &Caller,
    stop: CancellationToken,
) -> RunSummary {
    let (pace, extent) = (pace(arguments), extent(arguments));
    let bar = progress_bar(pace, extent);
    let watching = bar.clone();
    let run = Run {
        destination: caller.destination.clone(),
        behaviour: caller.behaviour,
        script: caller.script.clone(),
        pace,
        extent,
        watch: Box::new(move |delivery: &Delivery| {
            watching.inc(1);
            if !delivery.acknowledged() {
                watching.set_message(", some of them lost");
            }
        }),
    };
    let tally = run.play(stop).await;
    bar.finish_and_clear();
    tally
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

/// Callbacks that were lost or stored wrongly are a failure.
fn judged(tally: &RunSummary, verdict: Option<&Verdict>) -> Result<(), AppError> {
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

/// Shown on a terminal only. How many callbacks there will be is not always known.
fn progress_bar(pace: Pace, extent: Extent) -> ProgressBar {
    let by_time = match (pace, extent.duration) {
        (Pace::Open { rate, .. }, Some(duration)) => {
            Some(duration.as_secs().saturating_mul(u64::from(rate)))
        }
        _ => None,
    };
    match (extent.count, by_time) {
        (Some(count), Some(by_time)) => bar(count.min(by_time)),
        (Some(total), None) | (None, Some(total)) => bar(total),
        (None, None) => {
            let style = ProgressStyle::with_template(
                "{spinner} {pos} callbacks{msg}, {per_sec}, {elapsed}",
            );
            ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:40} {pos} of {len} callbacks{msg}, {per_sec}, {eta} to go",
    );
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
