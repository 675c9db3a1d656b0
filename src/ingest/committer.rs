//! The task that makes events durable, one batch at a time: in Postgres or, while that can't be used, in
//! the spool.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::log_once::LogOnce;
use crate::metrics::{CommitTarget, IngestMetrics};
use crate::store::OnConflict;

use super::Limits;
use super::batch::Batch;
use super::handle::{Answer, Readiness, Receipt, Submission, SubmitError};
use super::journal::{Journal, SpoolUnavailable, Spooler};
use super::link::Link;
use super::pace::Pace;
use super::sink::{InsertOutcome, InsertPolicy, RefusalLog, Sink, Unsettled, store};

pub(super) struct Committer<S: Sink, J> {
    pub(super) postgres: Link<S>,
    pub(super) spooler: Spooler<J>,
    pub(super) limits: Limits,
    pub(super) queue: mpsc::Receiver<Submission>,
    pub(super) readiness: watch::Sender<Readiness>,
    pub(super) pace: Arc<Pace>,
    pub(super) overload: Arc<LogOnce>,
    pub(super) metrics: IngestMetrics,
    pub(super) refusals: RefusalLog,
}

impl<S: Sink, J: Journal> Committer<S, J> {
    /// Runs until every handle is gone and the queue is empty.
    pub(super) async fn run(mut self) {
        self.wait_for_postgres_at_start().await;
        let mut gathered = Vec::new();
        loop {
            let spool_retry = self.spooler.retry_at().filter(|_| !self.postgres.is_up());
            tokio::select! {
                biased;
                () = self.postgres.until_up() => self.publish(Readiness::Postgres),
                () = until(spool_retry) => self.probe_spool().await,
                received = self.queue.recv_many(&mut gathered, self.limits.max_batch_rows) => {
                    if received == 0 {
                        return;
                    }
                    let begun = Instant::now();
                    let metrics = self.metrics.clone();
                    let mut waiting = gathered
                        .drain(..)
                        .inspect(|submission| metrics.waited(begun - submission.at))
                        .map(Submission::into_parts)
                        .peekable();
                    while waiting.peek().is_some() {
                        self.make_durable(Batch::take(&mut waiting)).await;
                    }
                    if self.queue.is_empty() && self.overload.end() {
                        tracing::info!("the queue has room again");
                    }
                }
            }
        }
    }

    /// Lets early callbacks wait for Postgres, no longer than for a commit: a service that starts beside
    /// its database should not begin with the spool.
    async fn wait_for_postgres_at_start(&mut self) {
        if self.postgres.first_attempt(self.limits.commit_deadline).await {
            self.publish(Readiness::Postgres);
        } else {
            self.probe_spool().await;
        }
    }

    /// Finds out whether the spool would take events, without having any.
    async fn probe_spool(&mut self) {
        let probed = self.spooler.probe().await;
        self.publish(readiness_by(&probed));
    }

    fn publish(&self, readiness: Readiness) {
        self.readiness.send_if_modified(|now| std::mem::replace(now, readiness) != readiness);
    }

    /// Answers each event of a batch once it is on disk, or can't be put there.
    async fn make_durable(&mut self, batch: Batch<Answer>) {
        let left = match self.postgres.sink() {
            Some((sink, outage)) => {
                let policy = InsertPolicy {
                    deadline: self.limits.commit_deadline,
                    on_conflict: OnConflict::Fail,
                    suspect_rows: false,
                };
                let (rows, began) = (batch.len(), Instant::now());
                let committed =
                    store(sink, policy, &self.metrics, &self.refusals, batch, settle).await;
                self.metrics.committed(CommitTarget::Postgres, rows, began.elapsed());
                self.pace.committed();
                match committed {
                    Ok(()) => return outage.end(),
                    Err(Unsettled { batch, error }) => {
                        outage.log(&error);
                        batch
                    }
                }
            }
            None => batch,
        };
        self.postgres.give_up();
        self.spool(left).await;
    }

    async fn spool(&mut self, batch: Batch<Answer>) {
        let Batch { events, tags } = batch;
        let (rows, began) = (events.len(), Instant::now());
        let spooled = self.spooler.append(events).await;
        self.metrics.committed(CommitTarget::Spool, rows, began.elapsed());
        if spooled.is_ok() {
            self.metrics.spooled(rows);
        }
        self.publish(readiness_by(&spooled));
        for answer in tags {
            // The client may have gone; its event is durable all the same.
            let _ = answer.send(match spooled {
                Ok(()) => Ok(Receipt::for_durable_event()),
                Err(SpoolUnavailable) => Err(SubmitError::Unavailable),
            });
        }
    }
}

fn settle(answer: Answer, outcome: InsertOutcome) {
    // The client may have gone; its event is durable all the same.
    let _ = answer.send(match outcome {
        InsertOutcome::Stored | InsertOutcome::StoredAsRejected => Ok(Receipt::for_durable_event()),
        InsertOutcome::Refused => Err(SubmitError::Unavailable),
    });
}

fn readiness_by(spool: &Result<(), SpoolUnavailable>) -> Readiness {
    match spool {
        Ok(()) => Readiness::Spool,
        Err(SpoolUnavailable) => Readiness::NotReady,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
