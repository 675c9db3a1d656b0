//! What the rest of the house sees of ingest.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::domain::Event;
use crate::memory::Charge;

use super::overload::Overload;

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
    /// When it was submitted.
    pub(super) at: Instant,
    pub(super) answer: Answer,
}

/// Where to send the answer, and the charge for the event's memory until then.
#[derive(Debug)]
pub(super) struct Answer {
    sender: oneshot::Sender<Result<Receipt, SubmitError>>,
    _charge: Charge,
}

impl Answer {
    /// An error means that the client has gone.
    pub(super) fn send(
        self,
        result: Result<Receipt, SubmitError>,
    ) -> Result<(), Result<Receipt, SubmitError>> {
        self.sender.send(result)
    }
}

impl Submission {
    pub(super) fn into_parts(self) -> (Event, Answer) {
        (self.event, self.answer)
    }
}

/// Submits facts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IngestHandle {
    sender: mpsc::Sender<Submission>,
    readiness: watch::Receiver<Readiness>,
    overload: Arc<Overload>,
}

impl IngestHandle {
    pub(super) fn new(
        sender: mpsc::Sender<Submission>,
        readiness: watch::Receiver<Readiness>,
        overload: Arc<Overload>,
    ) -> Self {
        Self { sender, readiness, overload }
    }

    /// Submits a fact, at once; what it returns says when the fact is durable.
    ///
    /// `charge` is for the memory of the event, and given back once that is settled.
    ///
    /// Not cancelled by dropping the future: a submitted fact is committed all the same.
    pub fn submit(
        &self,
        event: Event,
        charge: Charge,
    ) -> impl Future<Output = Result<Receipt, SubmitError>> + Send + use<> {
        let (sender, answered) = oneshot::channel();
        let answer = Answer { sender, _charge: charge };
        let submission = Submission { event, at: Instant::now(), answer };
        let submitted = self.sender.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.overload.begin(self.sender.max_capacity());
                SubmitError::Overloaded
            }
            mpsc::error::TrySendError::Closed(_) => SubmitError::Unavailable,
        });
        async move {
            submitted?;
            answered.await.unwrap_or(Err(SubmitError::Unavailable))
        }
    }

    /// How many facts wait for a batch, and how many may.
    #[must_use]
    pub fn queue(&self) -> (usize, usize) {
        let capacity = self.sender.max_capacity();
        (capacity - self.sender.capacity(), capacity)
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
