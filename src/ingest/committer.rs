//! The task that commits: one batch at a time, each as large as what has gathered.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::domain::Event;
use crate::error_chain::Chain;
use crate::store::{Database, InsertError, Writer};

use super::Limits;
use super::handle::{Readiness, Receipt, Submission, SubmitError};

/// How long to wait between attempts to reach a Postgres that is away.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

type Answer = oneshot::Sender<Result<Receipt, SubmitError>>;

pub(super) struct Committer {
    writer: Writer,
    limits: Limits,
    queue: mpsc::Receiver<Submission>,
    readiness: watch::Sender<Readiness>,
}

/// The facts of a batch and, at the same places, where to send the answers.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    answers: Vec<Answer>,
}

/// Postgres can't take facts; the batch that found out has been answered.
struct Away;

impl Committer {
    pub(super) fn new(
        database: Database,
        limits: Limits,
        queue: mpsc::Receiver<Submission>,
        readiness: watch::Sender<Readiness>,
    ) -> Self {
        Self { writer: Writer::new(database, limits.commit_deadline), limits, queue, readiness }
    }

    /// Runs until every handle is gone and the queue is empty.
    pub(super) async fn run(mut self) {
        while self.wait_for_postgres().await {
            self.readiness.send_replace(Readiness::Postgres);
            tracing::info!("Postgres takes callbacks");
            if self.commit_until_away().await {
                return;
            }
            self.readiness.send_replace(Readiness::NotReady);
        }
    }

    /// Refuses what comes, at once, until Postgres is there. False: every handle is gone.
    async fn wait_for_postgres(&mut self) -> bool {
        let Self { writer, queue, .. } = self;
        let mut told = None;
        let mut probe = Box::pin(async {
            loop {
                match writer.connect().await {
                    Ok(()) => return,
                    Err(error) => {
                        // A long outage is one line, not one every time we look.
                        let reason = Chain(&error).to_string();
                        if told.as_ref() != Some(&reason) {
                            tracing::warn!(
                                error = reason,
                                "Postgres is away: callbacks are answered 503 until it is back"
                            );
                            told = Some(reason);
                        }
                    }
                }
                sleep(PROBE_INTERVAL).await;
            }
        });
        loop {
            tokio::select! {
                biased;
                () = &mut probe => return true,
                submission = queue.recv() => match submission {
                    Some(submission) => refuse([submission.answer], SubmitError::Unavailable),
                    None => return false,
                },
            }
        }
    }

    /// Commits batch after batch. True: every handle is gone and all is committed.
    async fn commit_until_away(&mut self) -> bool {
        let mut gathered = Vec::new();
        while self.queue.recv_many(&mut gathered, self.limits.max_batch_rows).await > 0 {
            let mut batch = Batch::default();
            for Submission { event, answer } in gathered.drain(..) {
                batch.events.push(event);
                batch.answers.push(answer);
            }
            if self.commit(batch).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Commits a batch and answers every one of its facts. When Postgres refuses a row, the batch is
    /// halved until the row is alone; it goes to the rejected callbacks and its neighbours commit.
    async fn commit(&mut self, batch: Batch) -> Result<(), Away> {
        let mut pending = vec![batch];
        while let Some(mut batch) = pending.pop() {
            match self.insert(&batch.events).await {
                Ok(()) => {
                    for answer in batch.answers {
                        // The client may have gone; its fact is durable all the same.
                        let _ = answer.send(Ok(Receipt::for_durable_fact()));
                    }
                }
                Err(InsertError::Refused { .. }) if batch.events.len() > 1 => {
                    let middle = batch.events.len() / 2;
                    pending.push(Batch {
                        events: batch.events.split_off(middle),
                        answers: batch.answers.split_off(middle),
                    });
                    pending.push(batch);
                }
                Err(InsertError::Refused { sqlstate, message }) => {
                    if let Err(error) = self.reject(batch, &sqlstate, &message).await {
                        return Err(give_up(pending, &error));
                    }
                }
                Err(
                    error @ (InsertError::Unavailable(_)
                    | InsertError::Timeout(_)
                    | InsertError::NotConnected),
                ) => {
                    pending.push(batch);
                    return Err(give_up(pending, &error));
                }
            }
        }
        Ok(())
    }

    /// Keeps a fact that Postgres refused among the rejected callbacks.
    async fn reject(
        &mut self,
        batch: Batch,
        sqlstate: &str,
        message: &str,
    ) -> Result<(), InsertError> {
        let Batch { mut events, answers } = batch;
        let Some(event) = events.pop() else { return Ok(()) };
        let reason = format!("refused by Postgres ({sqlstate}): {message}");
        let rejected = event.into_rejected(reason.into());
        let id = rejected.reception.stamp.id;
        let kind = rejected.kind.as_str();
        match self.insert(&[Event::RejectedCallback(rejected)]).await {
            Ok(()) => {
                tracing::warn!(%id, kind, sqlstate, "Postgres refused a callback; it is kept in rejected_callbacks");
                refuse(answers, SubmitError::Refused);
                Ok(())
            }
            Err(error) => {
                refuse(answers, SubmitError::Unavailable);
                match error {
                    InsertError::Refused { sqlstate, .. } => {
                        tracing::error!(%id, kind, sqlstate, "Postgres refused a callback even among the rejected ones; it was answered 503");
                        Ok(())
                    }
                    away => Err(away),
                }
            }
        }
    }

    /// Inserts within the deadline. A connection that turns out to be dead, as one is after Postgres
    /// was restarted, is replaced once: rows are recognised by their stamps, so a batch that was
    /// committed without our knowing is not doubled.
    async fn insert(&mut self, events: &[Event]) -> Result<(), InsertError> {
        let writer = &mut self.writer;
        let attempt = async {
            match writer.insert(events).await {
                Err(InsertError::Unavailable(error)) => {
                    writer.connect().await.map_err(|_| InsertError::Unavailable(error))?;
                    writer.insert(events).await
                }
                other => other,
            }
        };
        let deadline = self.limits.commit_deadline;
        match timeout(deadline, attempt).await {
            Ok(result) => result,
            Err(_) => Err(InsertError::Timeout(deadline)),
        }
    }
}

/// Answers all that is left of a batch, once, with one line in the log.
fn give_up(pending: Vec<Batch>, error: &InsertError) -> Away {
    let answers: Vec<Answer> = pending.into_iter().flat_map(|batch| batch.answers).collect();
    tracing::warn!(error = %Chain(error), callbacks = answers.len(), "a commit failed: its callbacks are answered 503");
    refuse(answers, SubmitError::Unavailable);
    Away
}

fn refuse(answers: impl IntoIterator<Item = Answer>, error: SubmitError) {
    for answer in answers {
        // The client may have gone.
        let _ = answer.send(Err(error));
    }
}
