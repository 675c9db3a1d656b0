//! The spool as ingest uses it: without blocking the others, and not again at once when it failed.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::domain::Event;
use crate::error_chain::Chain;
use crate::log_once::LogOnce;
use crate::spool::{Chunk, Spool, SpoolError};

/// How long a spool that failed is left alone; meanwhile the answer is 503, at once.
const PAUSE: Duration = Duration::from_millis(250);

/// What keeps facts while Postgres can't take them: the spool, or in a test one with faults.
pub(super) trait Journal: Send + Sync + 'static {
    /// Returns once the facts are on disk. After an error it is not known which of them are.
    fn append(&self, events: &[Event]) -> Result<(), SpoolError>;
    /// Whether facts could be written.
    fn probe(&self) -> Result<(), SpoolError>;
    /// The oldest facts.
    fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError>;
    /// Goes on after facts that, but for `refused` of them, are in Postgres.
    fn settle(&self, chunk: &Chunk, refused: u64) -> Result<(), SpoolError>;
    /// Called once, when nothing will be appended any more.
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

/// The committer's way to the spool.
pub(super) struct Spooler<J> {
    journal: Arc<J>,
    /// Until when it is left alone.
    failed_until: Option<Instant>,
    failure: LogOnce,
}

/// The spool can't keep anything just now. The log has been told.
pub(super) struct Failed;

impl<J: Journal> Spooler<J> {
    pub(super) fn new(journal: Arc<J>) -> Self {
        Self { journal, failed_until: None, failure: LogOnce::default() }
    }

    /// When a spool that failed can be tried again.
    pub(super) fn failed_until(&self) -> Option<Instant> {
        self.failed_until
    }

    /// Returns once the facts are on disk.
    pub(super) async fn append(&mut self, events: Vec<Event>) -> Result<(), Failed> {
        if self.failed_until.is_some_and(|until| Instant::now() < until) {
            return Err(Failed);
        }
        self.run(move |journal| journal.append(&events)).await
    }

    /// Returns whether facts could be written.
    pub(super) async fn probe(&mut self) -> Result<(), Failed> {
        self.run(J::probe).await
    }

    async fn run(
        &mut self,
        action: impl FnOnce(&J) -> Result<(), SpoolError> + Send + 'static,
    ) -> Result<(), Failed> {
        let journal = Arc::clone(&self.journal);
        let reason = match spawn_blocking(move || action(&journal)).await {
            Ok(Ok(())) => {
                self.failed_until = None;
                if self.failure.end() {
                    tracing::info!("the spool takes callbacks again");
                }
                return Ok(());
            }
            Ok(Err(error)) => Chain(&error).to_string(),
            Err(panic) => panic.to_string(),
        };
        self.failed_until = Some(Instant::now() + PAUSE);
        if self.failure.begin() {
            tracing::error!(
                error = reason,
                "the spool can't keep callbacks: they are answered 503 until it, or Postgres, can"
            );
        }
        Err(Failed)
    }
}
