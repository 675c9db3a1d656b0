//! Owns the promise: a fact is durable before anybody is told so. The only room that can make a
//! [`Receipt`].
//!
//! One committer writes to Postgres. While a commit is under way the next batch gathers in the
//! queue, so a commit carries as many facts as arrived during the one before it: group commit,
//! without a timer. What Postgres fails to commit in time goes to the spool, and so does what comes
//! after it, until a probe finds Postgres back; then the drain moves the spool's facts there.

mod batch;
mod committer;
mod drain;
mod handle;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod journal;
mod link;
#[cfg(test)]
mod model_tests;
mod pace;
mod sink;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::log_once::LogOnce;
use crate::metrics::{IngestMetrics, Purpose};
use crate::spool::Spool;
use crate::store::{Database, Writer};

use committer::Committer;
use drain::{CHUNK_DEADLINE, Drain};
use journal::{Journal, Spooler};
use link::Link;
use sink::Sink;

pub use drain::DrainError;
pub use handle::{IngestHandle, Readiness, Receipt, SubmitError};

/// The bounds of ingest.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Facts that may wait for the committer; one more is answered 503.
    pub queue_capacity: usize,
    /// Facts in one transaction, at most.
    pub max_batch_rows: usize,
    /// How long a commit may take before its facts go to the spool.
    pub commit_deadline: Duration,
}

/// Starts the committer and the drain. They end, with all that was submitted on disk or answered,
/// once every clone of the handle is gone; the spool is closed then.
#[must_use]
pub fn start(
    database: &Database,
    spool: Arc<Spool>,
    limits: Limits,
    metrics: IngestMetrics,
) -> (IngestHandle, JoinHandle<()>) {
    let live = Writer::new(database.clone(), Purpose::Ingest, limits.commit_deadline);
    let draining = Writer::new(database.clone(), Purpose::Drain, CHUNK_DEADLINE);
    start_with(live, draining, spool, limits, metrics)
}

/// Moves everything from the spool to Postgres, and says after every transaction how many callbacks
/// it was.
pub async fn drain(
    database: Database,
    spool: Arc<Spool>,
    moved: impl FnMut(u64),
) -> Result<(), DrainError> {
    let drain = Drain {
        sink: Writer::new(database, Purpose::Drain, CHUNK_DEADLINE),
        journal: spool,
        readiness: watch::channel(Readiness::Postgres).1,
        pace: Arc::default(),
        failures: 0,
        metrics: IngestMetrics::default(),
    };
    drain.run_once(moved).await
}

fn start_with<S: Sink, J: Journal>(
    live: S,
    draining: S,
    journal: Arc<J>,
    limits: Limits,
    metrics: IngestMetrics,
) -> (IngestHandle, JoinHandle<()>) {
    let (sender, queue) = mpsc::channel(limits.queue_capacity);
    let (readiness, watcher) = watch::channel(Readiness::NotReady);
    let pace = Arc::default();
    let overload: Arc<LogOnce> = Arc::default();
    let drain = Drain {
        sink: draining,
        journal: Arc::clone(&journal),
        readiness: watcher.clone(),
        pace: Arc::clone(&pace),
        failures: 0,
        metrics: metrics.clone(),
    };
    let committer = Committer {
        postgres: Link::new(live),
        spooler: Spooler::new(Arc::clone(&journal)),
        limits,
        queue,
        readiness,
        pace,
        overload: Arc::clone(&overload),
        metrics,
    };
    let running = tokio::spawn(async move {
        let drain = tokio::spawn(drain.run());
        committer.run().await;
        drain.abort();
        // It may be in the midst of a chunk; that is moved again another time.
        let _ = drain.await;
        // Nothing to be done about a panic that has been logged.
        let _ = tokio::task::spawn_blocking(move || journal.close()).await;
    });
    (IngestHandle::new(sender, watcher, overload), running)
}
