//! What the rest of the house sees of ingest.

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::Event;

/// Proof that a fact is durable. Nothing outside this room can make one, and without one no handler
/// can answer 200.
#[derive(Debug)]
#[must_use = "a receipt is the reason to acknowledge"]
pub struct Receipt(());

impl Receipt {
    pub(super) fn for_durable_fact() -> Self {
        Self(())
    }
}

/// A fact was not made durable as what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// More facts are waiting than the queue holds.
    #[error("too many callbacks at once")]
    Overloaded,
    /// Nothing can be made durable just now.
    #[error("the callback can't be stored just now")]
    Unavailable,
    /// Postgres refused the fact; it is durable among the rejected callbacks.
    #[error("the database refused the callback; it is kept in rejected_callbacks")]
    Refused,
}

/// Whether a fact that came now would be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Yes, in Postgres.
    Postgres,
    /// Yes, in the spool: Postgres is away.
    Spool,
    /// No: both fail, or nothing is known yet.
    NotReady,
}

/// A fact on its way to the committer, and where to send the answer.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) event: Event,
    pub(super) answer: oneshot::Sender<Result<Receipt, SubmitError>>,
}

impl Submission {
    pub(super) fn into_parts(self) -> (Event, oneshot::Sender<Result<Receipt, SubmitError>>) {
        (self.event, self.answer)
    }
}

/// Submits facts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IngestHandle {
    sender: mpsc::Sender<Submission>,
    readiness: watch::Receiver<Readiness>,
}

impl IngestHandle {
    pub(super) fn new(
        sender: mpsc::Sender<Submission>,
        readiness: watch::Receiver<Readiness>,
    ) -> Self {
        Self { sender, readiness }
    }

    /// Makes a fact durable, and says so once it is.
    ///
    /// Not cancelled by dropping the future: a submitted fact is committed all the same.
    pub async fn submit(&self, event: Event) -> Result<Receipt, SubmitError> {
        let (answer, answered) = oneshot::channel();
        self.sender.try_send(Submission { event, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Unavailable,
        })?;
        answered.await.unwrap_or(Err(SubmitError::Unavailable))
    }

    /// Returns once a fact that came now would go to Postgres.
    pub async fn until_postgres(&self) {
        let mut readiness = self.readiness.clone();
        // An error means that the committer has ended; then nobody waits for it.
        let _ = readiness.wait_for(|readiness| *readiness == Readiness::Postgres).await;
    }

    /// Whether a fact that came now would be made durable.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        *self.readiness.borrow()
    }
}
