//! The task that moves facts from the spool to Postgres, oldest first, while Postgres is there.

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
use crate::store::{Attempt, InsertError, StoreError};

use super::batch::Batch;
use super::handle::Readiness;
use super::journal::Journal;
use super::pace::Pace;
use super::sink::Failures::{OfARow, OfPostgres};
use super::sink::{Settled, Sink, Terms, Unsettled, store};

/// Rows that are moved in one transaction.
const CHUNK_ROWS: usize = 2_000;

/// How long such a transaction may take. Nobody waits for it.
pub(super) const CHUNK_DEADLINE: Duration = Duration::from_secs(30);

/// After so many failures of a chunk it is taken apart: one row may be what Postgres fails on.
const PATIENCE: u32 = 3;

/// How long to wait after something failed, and before looking again for segments of a predecessor
/// that is finishing.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Drain<S, J> {
    pub(super) sink: S,
    pub(super) journal: Arc<J>,
    pub(super) readiness: watch::Receiver<Readiness>,
    pub(super) pace: Arc<Pace>,
    /// How often in a row Postgres has failed a chunk, though it takes other rows.
    pub(super) failures: u32,
    pub(super) metrics: IngestMetrics,
}

/// Callbacks of the spool were not moved; they are still in it.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The spool failed.
    #[error("the spool can't be read")]
    Spool(#[from] SpoolError),
    /// Postgres can't be used.
    #[error("Postgres does not take callbacks from the spool")]
    Store(#[from] StoreError),
    /// Postgres failed.
    #[error("Postgres does not take callbacks from the spool")]
    Insert(#[from] InsertError),
    /// A bug, which the log tells more of.
    #[error("the spool's task ended early")]
    Panic(#[from] tokio::task::JoinError),
}

impl<S: Sink, J: Journal> Drain<S, J> {
    /// Runs until the committer has ended, or this future is dropped: a chunk that was under way is
    /// then moved again later, and is the same rows.
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
                        tracing::warn!(error = %Chain(&error), "callbacks can't be moved from the spool to Postgres just now; it is tried again every second");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Moves all there is, and says after every chunk how many rows it was.
    pub(super) async fn run_once(mut self, mut moved: impl FnMut(u64)) -> Result<(), DrainError> {
        loop {
            match self.move_chunk().await {
                Ok(Some(rows)) => moved(rows),
                Ok(None) => return Ok(()),
                Err(_) if self.failures > 0 && self.failures <= PATIENCE => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the oldest facts, and returns how many rows they were; `None` when there are none.
    async fn move_chunk(&mut self) -> Result<Option<u64>, DrainError> {
        let journal = Arc::clone(&self.journal);
        let Some(mut chunk) = spawn_blocking(move || journal.next(CHUNK_ROWS)).await?? else {
            return Ok(None);
        };
        let rows = chunk.rows();
        let callbacks = chunk.events.len() as u64;
        let refused = self.put_into_postgres(std::mem::take(&mut chunk.events)).await?;
        self.metrics.drained(callbacks - refused);
        let journal = Arc::clone(&self.journal);
        spawn_blocking(move || journal.settle(&chunk, refused)).await??;
        Ok(Some(rows))
    }

    /// Returns how many of the facts Postgres takes nowhere.
    async fn put_into_postgres(&mut self, events: Vec<Event>) -> Result<u64, DrainError> {
        let mut refused = 0;
        if events.is_empty() {
            return Ok(refused);
        }
        self.sink.connect().await?;
        // Postgres takes rows, but not these, and says what it would say of itself.
        let failures = if self.failures < PATIENCE { OfPostgres } else { OfARow };
        let batch = Batch { tags: vec![(); events.len()], events };
        let settle = |(), settled| refused += u64::from(settled == Settled::Refused);
        let terms = Terms { deadline: CHUNK_DEADLINE, attempt: Attempt::Again, failures };
        let stored = store(&mut self.sink, terms, &self.metrics, batch, settle).await;
        match stored {
            Ok(()) => {
                self.failures = 0;
                Ok(refused)
            }
            Err(Unsettled { error, .. }) => {
                let is_told = matches!(error, InsertError::Failed { .. });
                self.failures = if is_told { self.failures + 1 } else { 0 };
                Err(error.into())
            }
        }
    }

    /// Returns when Postgres is back after having been away, and now and then.
    async fn until_there_may_be_more(&mut self) {
        tokio::select! {
            // An error means that the committer has ended: the caller finds out.
            _ = self.readiness.changed() => {}
            () = sleep(PAUSE) => {}
        }
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
