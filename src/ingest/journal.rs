//! The committer's way to the spool: off the async threads, and with a pause after a failure.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::domain::Event;
use crate::error_chain::Chain;
use crate::log_once::LogOnce;
use crate::spool::{Chunk, Spool, SpoolError};

/// How long a spool that failed is not tried again; events are answered 503 meanwhile, at once.
const PAUSE: Duration = Duration::from_millis(250);

/// Keeps events while Postgres can't take them: the spool or, in a test, one with injected faults.
pub(super) trait Journal: Send + Sync + 'static {
    /// Returns once the events are on disk. After an error any of them may be.
    fn append(&self, events: &[Event]) -> Result<(), SpoolError>;
    /// Whether events could be written.
    fn probe(&self) -> Result<(), SpoolError>;
    /// The oldest events.
    fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError>;
    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them.
    fn settle(&self, chunk: &Chunk, refused: u64) -> Result<(), SpoolError>;
    /// Called once, after the last append.
    fn close(&self);
}

impl Journal for Spool {
    fn append(&self, events: &[Event]) -> Result<(), SpoolError> {
        Self::append(self, events)
    }

    fn probe(&self) -> Result<(), SpoolError> {
        Self::probe(self)
    }

    fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        Self::next(self, max_rows)
    }

    fn settle(&self, chunk: &Chunk, refused: u64) -> Result<(), SpoolError> {
        Self::settle(self, chunk, refused)
    }

    fn close(&self) {
        Self::close(self);
    }
}

pub(super) struct Spooler<J> {
    journal: Arc<J>,
    /// Set while the spool fails.
    retry_at: Option<Instant>,
    failure: LogOnce,
}

/// The spool can't keep events just now; that is logged.
pub(super) struct SpoolUnavailable;

impl<J: Journal> Spooler<J> {
    pub(super) fn new(journal: Arc<J>) -> Self {
        Self { journal, retry_at: None, failure: LogOnce::default() }
    }

    /// When a spool that failed can be tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Returns once the events are on disk.
    pub(super) async fn append(&mut self, events: Vec<Event>) -> Result<(), SpoolUnavailable> {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(SpoolUnavailable);
        }
        self.run(move |journal| journal.append(&events)).await
    }

    /// Whether events could be written.
    pub(super) async fn probe(&mut self) -> Result<(), SpoolUnavailable> {
        self.run(J::probe).await
    }

    async fn run(
        &mut self,
        action: impl FnOnce(&J) -> Result<(), SpoolError> + Send + 'static,
    ) -> Result<(), SpoolUnavailable> {
        let journal = Arc::clone(&self.journal);
        let reason = match spawn_blocking(move || action(&journal)).await {
            Ok(Ok(())) => {
                self.retry_at = None;
                if self.failure.end() {
                    tracing::info!("the spool accepts callbacks again");
                }
                return Ok(());
            }
            Ok(Err(error)) => Chain(&error).to_string(),
            Err(panic) => panic.to_string(),
        };
        self.retry_at = Some(Instant::now() + PAUSE);
        if self.failure.begin() {
            tracing::error!(
                error = reason,
                "the spool can't store callbacks: they are answered 503 until the spool or Postgres can store them"
            );
        }
        Err(SpoolUnavailable)
    }
}
