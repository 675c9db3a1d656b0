//! Stores a batch in Postgres: within a deadline, row by row where it must be, and no row twice.

use std::time::Duration;

use tokio::time::timeout;

use crate::domain::Event;
use crate::metrics::{IngestMetrics, Rejection};
use crate::store::{InsertError, Isolation, OnConflict, StoreError, Writer};

use super::batch::Batch;

/// Takes events: Postgres or, in a test, a model of it.
pub(super) trait Sink: Send + 'static {
    /// Makes sure that events can be inserted, or fails within a bounded time. Cancel-safe.
    fn connect(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Commits all of the events or none. After an error other than [`InsertError::Refused`], and when
    /// the future is dropped, they may have been committed: they need [`OnConflict::DoNothing`] then.
    fn insert(
        &mut self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> impl Future<Output = Result<(), InsertError>> + Send;
}

impl Sink for Writer {
    async fn connect(&mut self) -> Result<(), StoreError> {
        Self::connect(self).await
    }

    async fn insert(
        &mut self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> Result<(), InsertError> {
        Self::insert(self, on_conflict, batch).await
    }
}

/// What became of an event that Postgres answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertOutcome {
    /// A row of its own table.
    Stored,
    /// Postgres refused it; a row of `rejected_callbacks`.
    StoredAsRejected,
    /// Postgres refused it in `rejected_callbacks` too: no row.
    Refused,
}

/// How to insert a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct InsertPolicy {
    /// For each statement.
    pub(super) deadline: Duration,
    pub(super) on_conflict: OnConflict,
    /// Treat an error that is not about the server as the refusal of a row, even if its class does not
    /// say so: a user's trigger may raise any error because of one row.
    pub(super) suspect_rows: bool,
}

impl InsertPolicy {
    fn judge(self, inserted: Result<(), InsertError>) -> Result<(), InsertError> {
        match inserted {
            Err(InsertError::Failed { sqlstate })
                if self.suspect_rows && !is_about_the_server(&sqlstate) =>
            {
                let message = "an error that usually is not about a row".to_owned();
                Err(InsertError::Refused { sqlstate, message })
            }
            other => other,
        }
    }
}

/// Classes of errors that no row causes (Postgres documentation, appendix A): connection, read-only,
/// conflicts, resources, object state, operators, the system, internal errors.
fn is_about_the_server(sqlstate: &str) -> bool {
    ["08", "25", "40", "53", "55", "57", "58", "XX"].iter().any(|class| sqlstate.starts_with(class))
}

/// Postgres failed before it answered for these events. They may have been committed all the same.
#[derive(Debug)]
pub(super) struct Unsettled<T> {
    pub(super) batch: Batch<T>,
    pub(super) error: InsertError,
}

/// Commits a batch and settles each event with its outcome, in order. Rows that Postgres refuses go to
/// the rejected callbacks; their neighbours commit.
pub(super) async fn store<T: Send>(
    sink: &mut impl Sink,
    policy: InsertPolicy,
    metrics: &IngestMetrics,
    batch: Batch<T>,
    mut settle: impl FnMut(T, InsertOutcome) + Send,
) -> Result<(), Unsettled<T>> {
    let Batch { mut events, tags } = batch;
    let mut tags = tags.into_iter();
    let mut refusals = RefusalLog::default();
    let mut isolation = Isolation::of(&events);
    while let Some(part) = isolation.part() {
        let inserted = policy.judge(insert(sink, policy, part).await);
        let outcome = match (inserted, part) {
            (Ok(()), _) => Ok(InsertOutcome::Stored),
            (Err(InsertError::Refused { sqlstate, message }), [event]) => {
                let reason = format!("refused by Postgres ({sqlstate}): {message}");
                let outcome = reject(sink, policy, metrics, event, &reason).await;
                refusals.count(sqlstate, &outcome);
                outcome
            }
            (Err(InsertError::Refused { .. }), _) if isolation.halve() => continue,
            (Err(error), _) => Err(error),
        };
        match outcome {
            Ok(outcome) => {
                tags.by_ref().take(part.len()).for_each(|tag| settle(tag, outcome));
                isolation.advance();
            }
            Err(error) => {
                let settled = events.len() - isolation.rest().len();
                let batch = Batch { events: events.split_off(settled), tags: tags.collect() };
                return Err(Unsettled { batch, error });
            }
        }
    }
    Ok(())
}

/// Stores an event that Postgres refused among the rejected callbacks.
async fn reject(
    sink: &mut impl Sink,
    policy: InsertPolicy,
    metrics: &IngestMetrics,
    event: &Event,
    reason: &str,
) -> Result<InsertOutcome, InsertError> {
    let rejected = event.clone().into_rejected(reason.into());
    let (id, kind) = (rejected.reception.key.id, rejected.kind);
    let inserted = insert(sink, policy, &[Event::RejectedCallback(rejected)]).await;
    match policy.judge(inserted) {
        Ok(()) => {
            metrics.rejected(kind, Rejection::Refused);
            tracing::debug!(%id, kind = kind.as_str(), "Postgres refused a callback");
            Ok(InsertOutcome::StoredAsRejected)
        }
        Err(InsertError::Refused { sqlstate, .. }) => {
            tracing::debug!(%id, kind = kind.as_str(), sqlstate, "Postgres refused a callback even in rejected_callbacks");
            Ok(InsertOutcome::Refused)
        }
        Err(failed) => Err(failed),
    }
}

/// Inserts within the deadline. A dead connection, as after a restart of Postgres, is replaced once and
/// the batch sent again: rows that were committed after all are recognised by their keys.
async fn insert(
    sink: &mut impl Sink,
    policy: InsertPolicy,
    events: &[Event],
) -> Result<(), InsertError> {
    let InsertPolicy { deadline, on_conflict, .. } = policy;
    let inserted = async {
        match sink.insert(on_conflict, events).await {
            Err(
                error @ (InsertError::Failed { .. }
                | InsertError::Unavailable(_)
                | InsertError::NotConnected),
            ) => {
                sink.connect().await.map_err(|_| error)?;
                sink.insert(OnConflict::DoNothing, events).await
            }
            other => other,
        }
    };
    timeout(deadline, inserted).await.unwrap_or(Err(InsertError::Timeout(deadline)))
}

/// Logs one line for a batch, however many of its events Postgres refuses.
#[derive(Default)]
struct RefusalLog {
    stored_as_rejected: u64,
    not_stored: u64,
    sqlstate: String,
}

impl RefusalLog {
    fn count(&mut self, sqlstate: String, outcome: &Result<InsertOutcome, InsertError>) {
        match outcome {
            Ok(InsertOutcome::StoredAsRejected) => self.stored_as_rejected += 1,
            Ok(InsertOutcome::Refused) => self.not_stored += 1,
            Ok(InsertOutcome::Stored) | Err(_) => return,
        }
        self.sqlstate = sqlstate;
    }
}

impl Drop for RefusalLog {
    fn drop(&mut self) {
        if self.stored_as_rejected > 0 {
            tracing::warn!(
                callbacks = self.stored_as_rejected,
                sqlstate = self.sqlstate,
                "Postgres refused callbacks; they are kept in rejected_callbacks"
            );
        }
        if self.not_stored > 0 {
            tracing::error!(
                callbacks = self.not_stored,
                sqlstate = self.sqlstate,
                "Postgres refused callbacks even in rejected_callbacks"
            );
        }
    }
}
