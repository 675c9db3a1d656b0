//! The task that moves events from the spool to Postgres, oldest first, while Postgres can be used.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::domain::Event;
use crate::error_chain::Chain;
use crate::log_once::LogOnce;
use crate::metrics::IngestMetrics;
use crate::spool::SpoolError;
use crate::store::{InsertError, OnConflict, StoreError};

use super::batch::Batch;
use super::handle::Readiness;
use super::journal::Journal;
use super::pace::Pace;
use super::sink::{InsertOutcome, InsertPolicy, RefusalLog, Sink, Unsettled, store};

/// The most rows of a chunk, which is moved in one transaction. One that fails is repeated with a quarter
/// of the rows: a trigger of the user's may need its time for each.
pub(super) const CHUNK_ROWS: usize = 2_000;

/// How long such a transaction may take.
pub(super) const CHUNK_DEADLINE: Duration = Duration::from_secs(2);

/// After so many failures of a chunk, one of its rows is suspected to be the cause.
const PATIENCE: u32 = 3;

/// How long to wait after a failure, and before checking an empty spool again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Drain<S, J> {
    pub(super) sink: S,
    pub(super) journal: Arc<J>,
    pub(super) readiness: watch::Receiver<Readiness>,
    pub(super) pace: Arc<Pace>,
    /// How many rows the next chunk may have.
    pub(super) chunk_rows: usize,
    /// Consecutive failures of a chunk while Postgres takes other rows.
    pub(super) failures: u32,
    pub(super) metrics: IngestMetrics,
    pub(super) refusals: RefusalLog,
}

/// Callbacks of the spool were not moved; they are still in it.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    #[error("the spool can't be read")]
    Spool(#[from] SpoolError),
    /// No usable connection to Postgres.
    #[error("Postgres does not accept callbacks from the spool")]
    Store(#[from] StoreError),
    /// Postgres failed a chunk.
    #[error("Postgres does not accept callbacks from the spool")]
    Insert(#[from] InsertError),
    /// A bug; the panic is in the log.
    #[error("the spool's task ended early")]
    Panic(#[from] tokio::task::JoinError),
}

impl<S: Sink, J: Journal> Drain<S, J> {
    /// Runs until the committer has ended, or this future is dropped. A chunk that was under way then
    /// is moved again later, as the same rows.
    pub(super) async fn run(mut self) {
        let (mut moved, mut since) = (0, Instant::now());
        let failure = LogOnce::default();
        while self.readiness.wait_for(|now| *now == Readiness::Postgres).await.is_ok() {
            let (commits, started) = (self.pace.commits(), Instant::now());
            let outcome = self.move_chunk().await;
            if outcome.is_ok() {
                failure.end();
            }
            match outcome {
                Ok(None) => {
                    if moved > 0 {
                        tracing::info!(
                            callbacks = moved,
                            elapsed_ms = elapsed_ms(since),
                            "the spool is drained: its callbacks are in Postgres"
                        );
                    }
                    moved = 0;
                    self.until_there_may_be_more().await;
                    since = Instant::now();
                }
                Ok(Some(rows)) => {
                    moved += rows;
                    sleep(self.pace.rest(commits, started.elapsed())).await;
                }
                Err(error) => {
                    if failure.begin() {
                        tracing::warn!(error = %Chain(&error), "draining the spool failed; retrying every second");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Empties the spool. Calls `moved` after every chunk with its number of rows.
    pub(super) async fn run_once(mut self, mut moved: impl FnMut(u64)) -> Result<(), DrainError> {
        loop {
            let chunk_rows = self.chunk_rows;
            match self.move_chunk().await {
                Ok(Some(rows)) => moved(rows),
                Ok(None) => return Ok(()),
                Err(_) if self.chunk_rows < chunk_rows => {}
                Err(_) if self.failures > 0 && self.failures <= PATIENCE => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the oldest events and returns their number of rows; `None` if the spool is empty.
    async fn move_chunk(&mut self) -> Result<Option<u64>, DrainError> {
        let (journal, max_rows) = (Arc::clone(&self.journal), self.chunk_rows);
        let Some(mut chunk) = spawn_blocking(move || journal.next(max_rows)).await?? else {
            return Ok(None);
        };
        let rows = chunk.rows();
        let callbacks = chunk.events.len() as u64;
        let refused = self.insert(std::mem::take(&mut chunk.events)).await?;
        self.metrics.drained(callbacks - refused);
        let journal = Arc::clone(&self.journal);
        spawn_blocking(move || journal.settle(&chunk, refused)).await??;
        Ok(Some(rows))
    }

    /// Returns the number of events that Postgres takes nowhere.
    async fn insert(&mut self, events: Vec<Event>) -> Result<u64, DrainError> {
        let (mut refused, rows) = (0, events.len());
        if events.is_empty() {
            return Ok(refused);
        }
        self.sink.connect().await?;
        let batch = Batch { tags: vec![(); events.len()], events };
        let settle = |(), outcome| refused += u64::from(outcome == InsertOutcome::Refused);
        let policy = InsertPolicy {
            deadline: CHUNK_DEADLINE,
            on_conflict: OnConflict::DoNothing,
            suspect_rows: self.failures >= PATIENCE,
        };
        let stored =
            store(&mut self.sink, policy, &self.metrics, &self.refusals, batch, settle).await;
        match stored {
            Ok(()) => {
                self.failures = 0;
                self.chunk_rows = CHUNK_ROWS.min(2 * self.chunk_rows);
                Ok(refused)
            }
            Err(Unsettled { error, .. }) => {
                if matches!(error, InsertError::Failed { .. } | InsertError::Timeout(_)) {
                    self.chunk_rows = (rows.min(self.chunk_rows) / 4).max(1);
                }
                // Other errors mean that Postgres can't be reached, and say nothing of the chunk.
                let is_answer = matches!(error, InsertError::Failed { .. });
                self.failures = if is_answer { self.failures + 1 } else { 0 };
                Err(error.into())
            }
        }
    }

    /// Returns when Postgres is back after an outage, and after a pause: a predecessor that is finishing
    /// may have left more.
    async fn until_there_may_be_more(&mut self) {
        tokio::select! {
            // An error means that the committer has ended; the caller finds out.
            _ = self.readiness.changed() => {}
            () = sleep(PAUSE) => {}
        }
    }
}

/// Saturates after 584 million years.
fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
