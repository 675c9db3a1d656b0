//! Owns the promise: an event is durable before it is acknowledged. The only room that can make a
//! [`Receipt`].
//!
//! One committer writes to Postgres. During a commit the next batch gathers in the queue, so a commit
//! carries all events that arrived during the one before it: group commit, without a timer. A batch that
//! Postgres fails to commit in time goes to the spool, and so do all later ones until a probe finds
//! Postgres back; then the drain moves the spool's events to Postgres.

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
use drain::{CHUNK_DEADLINE, CHUNK_ROWS, Drain};
use journal::{Journal, Spooler};
use link::Link;
use sink::{RefusalLog, Sink};

pub use drain::DrainError;
pub use handle::{IngestHandle, Readiness, Receipt, SubmitError};

/// The bounds of ingest.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most events that wait for the committer; one more is answered 503.
    pub queue_capacity: usize,
    /// The most events in one transaction.
    pub max_batch_rows: usize,
    /// How long a commit may take before its events go to the spool.
    pub commit_deadline: Duration,
}

/// Starts the committer and the drain. Once every clone of the handle is dropped, they answer what was
/// submitted, close the spool and end.
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

/// Moves everything from the spool to Postgres. Calls `moved` after every transaction with the number of
/// its callbacks.
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
        chunk_rows: CHUNK_ROWS,
        failures: 0,
        metrics: IngestMetrics::default(),
        refusals: RefusalLog::default(),
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
        chunk_rows: CHUNK_ROWS,
        failures: 0,
        metrics: metrics.clone(),
        refusals: RefusalLog::default(),
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
        refusals: RefusalLog::default(),
    };
    let running = tokio::spawn(async move {
        let drain = tokio::spawn(drain.run());
        committer.run().await;
        drain.abort();
        // A chunk that was under way is moved again by the next process.
        let _ = drain.await;
        // A panic is in the log already.
        let _ = tokio::task::spawn_blocking(move || journal.close()).await;
    });
    (IngestHandle::new(sender, watcher, overload), running)
}
