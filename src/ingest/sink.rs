//! Putting batches into Postgres: row by row where it must be, within a deadline, and never the same
//! row twice.

use std::time::Duration;

use tokio::time::timeout;

use crate::domain::Event;
use crate::metrics::{IngestMetrics, Rejection};
use crate::store::{Attempt, InsertError, StoreError, Writer};

use super::batch::Batch;

/// What takes facts: Postgres, or in a test something that fails when it is told to.
pub(super) trait Sink: Send + 'static {
    /// Makes sure that facts are taken, or gives up within a bounded time. Cancel-safe.
    fn connect(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Commits all of the facts or none. When this fails, or is not awaited to its end, nothing is
    /// known of them, and they have to be inserted [again](Attempt::Again).
    fn insert(
        &mut self,
        attempt: Attempt,
        batch: &[Event],
    ) -> impl Future<Output = Result<(), InsertError>> + Send;
}

impl Sink for Writer {
    async fn connect(&mut self) -> Result<(), StoreError> {
        Self::connect(self).await
    }

    async fn insert(&mut self, attempt: Attempt, batch: &[Event]) -> Result<(), InsertError> {
        Self::insert(self, attempt, batch).await
    }
}

/// What became of a fact that Postgres was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is a row.
    Stored,
    /// Postgres refused it; it is a row among the rejected callbacks.
    Rejected,
    /// Postgres refused it there too.
    Refused,
}

/// What it says of a batch that Postgres fails it, and not because it refuses a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failures {
    /// Nothing: Postgres can't take anything just now.
    OfPostgres,
    /// One of its rows may be why, as when a trigger of the user's raises an error of its own; unless
    /// Postgres says that it lacks something.
    OfARow,
}

impl Failures {
    fn judge(self, inserted: Result<(), InsertError>) -> Result<(), InsertError> {
        match inserted {
            Err(InsertError::Failed { sqlstate })
                if self == Self::OfARow && !is_about_the_server(&sqlstate) =>
            {
                let message = "an error that is not about a row otherwise".to_owned();
                Err(InsertError::Refused { sqlstate, message })
            }
            other => other,
        }
    }
}

/// Classes of errors that no row is the reason of (Postgres documentation, appendix A): connection,
/// read-only, conflicts, resources, state of objects, operators, the system, internal errors.
fn is_about_the_server(sqlstate: &str) -> bool {
    ["08", "25", "40", "53", "55", "57", "58", "XX"].iter().any(|class| sqlstate.starts_with(class))
}

/// How a batch is to be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// For each statement.
    pub(super) deadline: Duration,
    pub(super) attempt: Attempt,
    pub(super) failures: Failures,
}

/// Postgres failed; the facts that are not settled yet. They may have been committed all the same.
#[derive(Debug)]
pub(super) struct Unsettled<T> {
    pub(super) batch: Batch<T>,
    pub(super) error: InsertError,
}

/// Commits a batch, and says of every fact what became of it. When Postgres refuses a row, the batch
/// is halved until the row is alone; it goes to the rejected callbacks and its neighbours commit.
pub(super) async fn store<T: Send>(
    sink: &mut impl Sink,
    terms: Terms,
    metrics: &IngestMetrics,
    batch: Batch<T>,
    mut settle: impl FnMut(T, Settled) + Send,
) -> Result<(), Unsettled<T>> {
    let mut pending = vec![batch];
    let mut rejected = Rejected::default();
    while let Some(mut batch) = pending.pop() {
        let inserted = insert(sink, terms, &batch.events).await;
        let result = match terms.failures.judge(inserted) {
            Err(InsertError::Refused { .. }) if batch.len() > 1 => {
                let second = batch.split_half();
                pending.extend([second, batch]);
                continue;
            }
            Err(InsertError::Refused { sqlstate, message }) => {
                let reason = format!("refused by Postgres ({sqlstate}): {message}");
                let outcome = reject(sink, terms, metrics, &batch.events, &reason).await;
                rejected.count(sqlstate, &outcome);
                outcome
            }
            other => other.map(|()| Settled::Stored),
        };
        match result {
            Ok(settled) => batch.tags.into_iter().for_each(|tag| settle(tag, settled)),
            Err(error) => {
                for rest in pending.into_iter().rev() {
                    batch.append(rest);
                }
                return Err(Unsettled { batch, error });
            }
        }
    }
    Ok(())
}

/// One line a batch for the log, however many of its facts Postgres refuses.
#[derive(Default)]
struct Rejected {
    callbacks: u64,
    nowhere: u64,
    sqlstate: String,
}

impl Rejected {
    fn count(&mut self, sqlstate: String, outcome: &Result<Settled, InsertError>) {
        match outcome {
            Ok(Settled::Rejected) => self.callbacks += 1,
            Ok(Settled::Refused) => self.nowhere += 1,
            Ok(Settled::Stored) | Err(_) => return,
        }
        self.sqlstate = sqlstate;
    }
}

impl Drop for Rejected {
    fn drop(&mut self) {
        if self.callbacks > 0 {
            tracing::warn!(
                callbacks = self.callbacks,
                sqlstate = self.sqlstate,
                "Postgres refused callbacks; they are kept in rejected_callbacks"
            );
        }
        if self.nowhere > 0 {
            tracing::error!(
                callbacks = self.nowhere,
                sqlstate = self.sqlstate,
                "Postgres refused callbacks even among the rejected ones"
            );
        }
    }
}

/// Keeps a fact that Postgres refused among the rejected callbacks.
async fn reject(
    sink: &mut impl Sink,
    terms: Terms,
    metrics: &IngestMetrics,
    refused: &[Event],
    reason: &str,
) -> Result<Settled, InsertError> {
    for event in refused {
        let rejected = event.clone().into_rejected(reason.into());
        let (id, kind) = (rejected.reception.key.id, rejected.kind);
        let kept = insert(sink, terms, &[Event::RejectedCallback(rejected)]).await;
        match terms.failures.judge(kept) {
            Ok(()) => {
                metrics.rejected(kind, Rejection::Refused);
                tracing::debug!(%id, kind = kind.as_str(), "Postgres refused a callback");
            }
            Err(InsertError::Refused { sqlstate, .. }) => {
                tracing::debug!(%id, kind = kind.as_str(), sqlstate, "Postgres refused a callback even among the rejected ones");
                return Ok(Settled::Refused);
            }
            Err(away) => return Err(away),
        }
    }
    Ok(Settled::Rejected)
}

/// Inserts within the deadline. A connection that turns out to be dead, as one is after Postgres was
/// restarted, is replaced once: rows are recognised by their keys, so a batch that was committed
/// without our knowing is not doubled.
async fn insert(
    sink: &mut impl Sink,
    Terms { deadline, attempt, .. }: Terms,
    events: &[Event],
) -> Result<(), InsertError> {
    let inserted = async {
        match sink.insert(attempt, events).await {
            Err(
                error @ (InsertError::Failed { .. }
                | InsertError::Unavailable(_)
                | InsertError::NotConnected),
            ) => {
                sink.connect().await.map_err(|_| error)?;
                sink.insert(Attempt::Again, events).await
            }
            other => other,
        }
    };
    timeout(deadline, inserted).await.unwrap_or(Err(InsertError::Timeout(deadline)))
}
