//! Owns the promise: a fact is durable before anybody is told so. The only room that can make a
//! [`Receipt`].
//!
//! One committer writes to Postgres. While a commit is under way the next batch gathers in the
//! queue, so a commit carries as many facts as arrived during the one before it: group commit,
//! without a timer.

mod committer;
mod handle;

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::store::Database;

pub use handle::{IngestHandle, Readiness, Receipt, SubmitError};

/// The bounds of ingest.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Facts that may wait for the committer; one more is answered 503.
    pub queue_capacity: usize,
    /// Facts in one transaction, at most.
    pub max_batch_rows: usize,
    /// How long a commit may take before its facts are given up.
    pub commit_deadline: Duration,
}

/// Starts the committer. It ends, with all that was submitted committed or answered, once every
/// clone of the handle is gone.
#[must_use]
pub fn start(database: Database, limits: Limits) -> (IngestHandle, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(limits.queue_capacity);
    let (readiness, watcher) = watch::channel(Readiness::NotReady);
    let committer = committer::Committer::new(database, limits, receiver, readiness);
    (IngestHandle::new(sender, watcher), tokio::spawn(committer.run()))
}
