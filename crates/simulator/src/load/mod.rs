//! A run: many senders at once, from the first callback to the last.

mod closed;
mod open;
mod summary;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::script::{Planned, Script};
use super::{Behaviour, Delivery, Destination, Sender};

pub use summary::RunSummary;

/// How fast callbacks are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each connection sends its next callback when the last one is acknowledged or dropped.
    Closed { connections: u32 },
    /// Callbacks begin at fixed times, regardless of the responses.
    Open {
        /// Callbacks a second.
        rate: u32,
        /// The most connections at a time; a callback that finds all of them busy begins late.
        connections: u32,
    },
}

/// How long a run lasts: until either limit is reached. Without limits, until it is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub duration: Option<Duration>,
    pub count: Option<u64>,
}

/// The parameters of a run.
pub struct Run {
    pub destination: Destination,
    pub behaviour: Behaviour,
    pub script: Script,
    pub pace: Pace,
    pub extent: Extent,
    /// Called after each callback, on the thread that sent it.
    pub watch: Box<dyn Fn(&Delivery) + Send + Sync>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, behaviour, script, pace, extent, .. } = self;
        f.debug_struct("Run")
            .field("destination", destination)
            .field("behaviour", behaviour)
            .field("script", script)
            .field("pace", pace)
            .field("extent", extent)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// Sends everything. `stop` ends the run early; callbacks in progress are completed.
    pub async fn play(self, stop: CancellationToken) -> RunSummary {
        let pace = self.pace;
        let stage = Arc::new(Stage::new(self, stop));
        match pace {
            Pace::Closed { connections } => closed::play(&stage, connections).await,
            Pace::Open { rate, connections } => open::play(&stage, rate, connections).await,
        }
        let mut summary = lock(&stage.summary);
        summary.elapsed = stage.started.elapsed();
        std::mem::take(&mut summary)
    }
}

/// Shared by all senders of a run.
struct Stage {
    run: Run,
    started: Instant,
    stop: CancellationToken,
    prompter: Mutex<Prompter>,
    summary: Mutex<RunSummary>,
}

/// Hands out the callbacks in order.
#[derive(Default)]
struct Prompter {
    scenes: u64,
    left: std::vec::IntoIter<Planned>,
    given: u64,
}

impl Stage {
    fn new(run: Run, stop: CancellationToken) -> Self {
        Self {
            run,
            started: Instant::now(),
            stop,
            prompter: Mutex::default(),
            summary: Mutex::default(),
        }
    }

    fn sender(&self) -> Sender {
        Sender::new(self.run.destination.clone(), self.run.behaviour)
    }

    /// The next callback, or `None` at the end of the run.
    fn next(&self) -> Option<Planned> {
        let mut prompter = lock(&self.prompter);
        if self.run.extent.count.is_some_and(|count| prompter.given >= count) {
            return None;
        }
        let planned = loop {
            if let Some(planned) = prompter.left.next() {
                break planned;
            }
            let scene = prompter.scenes;
            prompter.scenes += 1;
            prompter.left = self.run.script.scene(scene).into_iter();
        };
        prompter.given += 1;
        Some(planned)
    }

    /// Delivers a callback that was due at `intended`, and records the outcome.
    async fn deliver(&self, sender: &mut Sender, planned: &Planned, intended: Instant) -> Delivery {
        let delivery = sender.deliver(&planned.callback).await;
        lock(&self.summary).note(planned, &delivery, intended.elapsed());
        (self.run.watch)(&delivery);
        delivery
    }
}

/// What a panicking thread leaves is consistent: every change is a single step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
