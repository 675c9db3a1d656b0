//! Stores a batch in Postgres: within a deadline, row by row where it must be, and no row twice.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::domain::{Event, EventKey};
use crate::log_once::RateLimitedLog;
use crate::metrics::{IngestMetrics, Rejection};
use crate::store::{InsertError, Isolation, OnConflict, StoreError, Writer};

use super::batch::Batch;

/// Takes events: Postgres or, in a test, a model of it.
pub(super) trait Sink: Send + 'static {
    /// Makes sure that events can be inserted, or fails within a bounded time. Cancel-safe.
    fn connect(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Commits all of the events or none. After an error other than [`InsertError::Refused`], and when
    /// the future is dropped, they may have been committed: they need [`OnConflict::DoNothing`] then.
    /// Returns the keys of rows that are not there after all: see [`Writer::insert`].
    fn insert(
        &mut self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> impl Future<Output = Result<Vec<EventKey>, InsertError>> + Send;
}

impl Sink for Writer {
    async fn connect(&mut self) -> Result<(), StoreError> {
        Self::connect(self).await
    }

    async fn insert(
        &mut self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> Result<Vec<EventKey>, InsertError> {
        Self::insert(self, on_conflict, batch).await
    }
}

/// What became of an event that Postgres answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertOutcome {
    /// A row of its own table.
    Stored,
    /// Postgres refused or dropped it; a row of `rejected_callbacks`.
    StoredAsRejected,
    /// Postgres refused or dropped it in `rejected_callbacks` too: no row.
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
    fn judge<T>(self, inserted: Result<T, InsertError>) -> Result<T, InsertError> {
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
    log: &RefusalLog,
    batch: Batch<T>,
    mut settle: impl FnMut(T, InsertOutcome) + Send,
) -> Result<(), Unsettled<T>> {
    let Batch { mut events, tags } = batch;
    let mut tags = tags.into_iter();
    let mut settled = 0;
    let mut isolation = Isolation::of(&events);
    while let Some(part) = isolation.part() {
        let refusal = match (policy.judge(insert(sink, policy, part).await), part) {
            (Ok(dropped), _) => Refusal::Dropped(dropped),
            (Err(InsertError::Refused { sqlstate, message }), [_]) => {
                Refusal::Refused { sqlstate, message }
            }
            (Err(InsertError::Refused { .. }), _) if isolation.halve() => continue,
            (Err(error), _) => {
                let batch = Batch { events: events.split_off(settled), tags: tags.collect() };
                return Err(Unsettled { batch, error });
            }
        };
        for event in part {
            let outcome = if refusal.concerns(event) {
                match reject(sink, policy, metrics, event, &refusal).await {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        let batch =
                            Batch { events: events.split_off(settled), tags: tags.collect() };
                        return Err(Unsettled { batch, error });
                    }
                }
            } else {
                InsertOutcome::Stored
            };
            log.record(event, &refusal, outcome);
            settle(tags.next().expect("every event has a tag"), outcome);
            settled += 1;
        }
        isolation.advance();
    }
    Ok(())
}

/// What Postgres did instead of storing rows.
enum Refusal {
    /// It refused the only row of a part.
    Refused { sqlstate: String, message: String },
    /// A trigger or rule of the database dropped these rows, usually none, and Postgres reported success.
    Dropped(Vec<EventKey>),
}

impl Refusal {
    fn concerns(&self, event: &Event) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Dropped(keys) => keys.contains(&event.reception().key),
        }
    }

    /// For the column `reason`.
    fn reason(&self) -> String {
        match self {
            Self::Refused { sqlstate, message } => {
                format!("refused by Postgres ({sqlstate}): {message}")
            }
            Self::Dropped(_) => {
                "dropped by a trigger or rule of the database: Postgres reported success and stored no row"
                    .to_owned()
            }
        }
    }

    fn rejection(&self) -> Rejection {
        match self {
            Self::Refused { .. } => Rejection::Refused,
            Self::Dropped(_) => Rejection::Dropped,
        }
    }
}

/// Stores an event that Postgres refused or dropped among the rejected callbacks.
async fn reject(
    sink: &mut impl Sink,
    policy: InsertPolicy,
    metrics: &IngestMetrics,
    event: &Event,
    refusal: &Refusal,
) -> Result<InsertOutcome, InsertError> {
    let rejected = event.clone().into_rejected(refusal.reason().as_str().into());
    let (id, kind) = (rejected.reception.key.id, rejected.kind);
    let inserted = insert(sink, policy, &[Event::RejectedCallback(rejected)]).await;
    match policy.judge(inserted) {
        Ok(dropped) if dropped.is_empty() => {
            metrics.rejected(kind, refusal.rejection());
            tracing::debug!(%id, kind = kind.as_str(), "Postgres refused a callback");
            Ok(InsertOutcome::StoredAsRejected)
        }
        Ok(_dropped) => {
            tracing::debug!(%id, kind = kind.as_str(), "a trigger or rule dropped a callback even among the rejected ones");
            Ok(InsertOutcome::Refused)
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
) -> Result<Vec<EventKey>, InsertError> {
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

/// Logs what Postgres refuses or drops: a line at once, then one of each kind a minute at most.
pub(super) struct RefusalLog {
    opened: Instant,
    refused: RateLimitedLog,
    dropped: RateLimitedLog,
    not_stored: RateLimitedLog,
}

impl Default for RefusalLog {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            refused: RateLimitedLog::default(),
            dropped: RateLimitedLog::default(),
            not_stored: RateLimitedLog::default(),
        }
    }
}

impl RefusalLog {
    fn record(&self, event: &Event, refusal: &Refusal, outcome: InsertOutcome) {
        let is_due = |log: &RateLimitedLog| log.record(self.opened.elapsed());
        let kind = event.kind().as_str();
        let sqlstate = match refusal {
            Refusal::Refused { sqlstate, .. } => Some(sqlstate.as_str()),
            Refusal::Dropped(_) => None,
        };
        match (outcome, refusal) {
            (InsertOutcome::Stored, _) => {}
            (InsertOutcome::StoredAsRejected, Refusal::Refused { .. }) => {
                if let Some(callbacks) = is_due(&self.refused) {
                    tracing::warn!(
                        callbacks,
                        kind,
                        sqlstate,
                        "Postgres refused callbacks; they are kept in rejected_callbacks"
                    );
                }
            }
            (InsertOutcome::StoredAsRejected, Refusal::Dropped(_)) => {
                if let Some(callbacks) = is_due(&self.dropped) {
                    tracing::warn!(
                        callbacks,
                        kind,
                        "a trigger or rule of the database drops callbacks; they are kept in rejected_callbacks"
                    );
                }
            }
            (InsertOutcome::Refused, _) => {
                if let Some(callbacks) = is_due(&self.not_stored) {
                    tracing::error!(
                        callbacks,
                        kind,
                        sqlstate,
                        "Postgres refused callbacks even in rejected_callbacks"
                    );
                }
            }
        }
    }
}
