//! The part of ingest that other rooms see: submitting events, and the receipt.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::domain::Event;
use crate::log_once::LogOnce;
use crate::memory::Charge;

/// Proof that an event is durable. Only this room can make one, and no handler can answer 200 without.
#[derive(Debug)]
#[must_use = "a receipt is the reason to acknowledge"]
pub struct Receipt(());

impl Receipt {
    pub(super) fn for_durable_event() -> Self {
        Self(())
    }
}

/// An event was not stored as what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full. The event was not stored.
    #[error("too many callbacks at once")]
    Overloaded,
    /// Neither Postgres nor the spool made the event durable in time. It may be stored all the same.
    #[error("the callback can't be stored at the moment")]
    Unavailable,
}

/// Where an event that is submitted now is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// In Postgres.
    Postgres,
    /// In the spool: Postgres can't be used.
    Spool,
    /// Nowhere: both fail, or neither has been tried yet.
    NotReady,
}

/// An event on its way to the committer, and where to send the answer.
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

/// Submits events. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IngestHandle {
    sender: mpsc::Sender<Submission>,
    readiness: watch::Receiver<Readiness>,
    overload: Arc<LogOnce>,
}

impl IngestHandle {
    pub(super) fn new(
        sender: mpsc::Sender<Submission>,
        readiness: watch::Receiver<Readiness>,
        overload: Arc<LogOnce>,
    ) -> Self {
        Self { sender, readiness, overload }
    }

    /// Submits an event at once. The returned future is ready when the event is durable, or can't be
    /// made so.
    ///
    /// `charge` is for the memory of the event; it is released once the event is settled.
    ///
    /// Dropping the future does not cancel the submission: the event is committed all the same.
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
                if self.overload.begin() {
                    tracing::warn!(
                        capacity = self.sender.max_capacity(),
                        "the queue is full: further callbacks are answered 503; if it happens only in short peaks, raise ingest.queue_capacity"
                    );
                }
                SubmitError::Overloaded
            }
            mpsc::error::TrySendError::Closed(_) => SubmitError::Unavailable,
        });
        async move {
            submitted?;
            // A committer that ends without an answer has proved nothing.
            answered.await.unwrap_or(Err(SubmitError::Unavailable))
        }
    }

    /// The number of events that wait for a batch, and the most that may.
    #[must_use]
    pub fn queue(&self) -> (usize, usize) {
        let capacity = self.sender.max_capacity();
        (capacity - self.sender.capacity(), capacity)
    }

    /// Returns once events go to Postgres, or the committer has ended.
    pub async fn until_postgres(&self) {
        let mut readiness = self.readiness.clone();
        // An error means that the committer has ended.
        let _ = readiness.wait_for(|readiness| *readiness == Readiness::Postgres).await;
    }

    /// Where an event that is submitted now is made durable.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        *self.readiness.borrow()
    }
}
