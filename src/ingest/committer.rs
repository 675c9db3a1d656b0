//! The task that makes facts durable: one batch at a time, each as large as what has gathered, in
//! Postgres, or while that is away in the spool.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::metrics::{IngestMetrics, Target};
use crate::store::Attempt;

use super::Limits;
use super::batch::Batch;
use super::handle::{Answer, Readiness, Receipt, Submission, SubmitError};
use super::journal::{Failed, Journal, Spooler};
use super::link::Link;
use super::overload::Overload;
use super::pace::Pace;
use super::sink::{Failures, Settled, Sink, Terms, Unsettled, store};

pub(super) struct Committer<S: Sink, J> {
    pub(super) postgres: Link<S>,
    pub(super) spooler: Spooler<J>,
    pub(super) limits: Limits,
    pub(super) queue: mpsc::Receiver<Submission>,
    pub(super) readiness: watch::Sender<Readiness>,
    pub(super) pace: Arc<Pace>,
    pub(super) overload: Arc<Overload>,
    pub(super) metrics: IngestMetrics,
}

impl<S: Sink, J: Journal> Committer<S, J> {
    /// Runs until every handle is gone and the queue is empty.
    pub(super) async fn run(mut self) {
        self.give_postgres_a_moment().await;
        let mut gathered = Vec::new();
        loop {
            let spool_is_due = self.spooler.failed_until().filter(|_| !self.postgres.is_there());
            tokio::select! {
                biased;
                () = self.postgres.until_back() => self.say(Readiness::Postgres),
                () = until(spool_is_due) => self.probe_spool().await,
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
                    if self.queue.is_empty() {
                        self.overload.end();
                    }
                }
            }
        }
    }

    /// At the start nothing is known of Postgres. What comes meanwhile waits, no longer than for a
    /// commit: a service that starts beside its database shall not begin with the spool.
    async fn give_postgres_a_moment(&mut self) {
        if self.postgres.first_attempt(self.limits.commit_deadline).await {
            self.say(Readiness::Postgres);
        } else {
            self.probe_spool().await;
        }
    }

    /// Finds out whether facts could be kept now, though none is there to be kept.
    async fn probe_spool(&mut self) {
        let works = self.spooler.probe().await;
        self.say(readiness_by(&works));
    }

    fn say(&self, readiness: Readiness) {
        self.readiness.send_if_modified(|now| std::mem::replace(now, readiness) != readiness);
    }

    /// Answers every one of a batch's facts, once it is on disk somewhere or can't be.
    async fn make_durable(&mut self, batch: Batch<Answer>) {
        let left = match self.postgres.sink() {
            Some((sink, outage)) => {
                let terms = Terms {
                    deadline: self.limits.commit_deadline,
                    attempt: Attempt::First,
                    failures: Failures::OfPostgres,
                };
                let (rows, began) = (batch.len(), Instant::now());
                let committed = store(sink, terms, &self.metrics, batch, settle).await;
                self.metrics.committed(Target::Postgres, rows, began.elapsed());
                self.pace.committed();
                match committed {
                    Ok(()) => return outage.end(),
                    Err(Unsettled { batch, error }) => {
                        outage.tell(&error);
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
        let kept = self.spooler.append(events).await;
        self.metrics.committed(Target::Spool, rows, began.elapsed());
        if kept.is_ok() {
            self.metrics.spooled(rows);
        }
        self.say(readiness_by(&kept));
        for answer in tags {
            // The client may have gone; its fact is durable all the same.
            let _ = answer.send(match kept {
                Ok(()) => Ok(Receipt::for_durable_fact()),
                Err(Failed) => Err(SubmitError::Unavailable),
            });
        }
    }
}

fn settle(answer: Answer, settled: Settled) {
    // The client may have gone; its fact is durable all the same.
    let _ = answer.send(match settled {
        Settled::Stored => Ok(Receipt::for_durable_fact()),
        Settled::Rejected => Err(SubmitError::Refused),
        Settled::Refused => Err(SubmitError::Unavailable),
    });
}

fn readiness_by(spool: &Result<(), Failed>) -> Readiness {
    match spool {
        Ok(()) => Readiness::Spool,
        Err(Failed) => Readiness::NotReady,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
