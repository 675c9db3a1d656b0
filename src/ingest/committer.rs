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

/// Once a batch weighs this much, in bytes, nothing is added to it.
const MAX_BATCH_WEIGHT: usize = 4 * 1024 * 1024;

type Answer = oneshot::Sender<Result<Receipt, SubmitError>>;

pub(super) struct Committer {
    writer: Writer,
    limits: Limits,
    queue: mpsc::Receiver<Submission>,
    readiness: watch::Sender<Readiness>,
    outage: Outage,
}

/// What the log has been told of an outage: each reason once, however often it recurs.
#[derive(Default)]
struct Outage(Vec<String>);

impl Outage {
    /// Past this many reasons in one outage the log has enough of them.
    const MAX_REASONS: usize = 8;

    fn tell(&mut self, error: &dyn std::error::Error) {
        let reason = Chain(error).to_string();
        if self.0.len() < Self::MAX_REASONS && !self.0.contains(&reason) {
            tracing::warn!(
                error = reason,
                "Postgres can't be used: callbacks are answered 503 until it can"
            );
            self.0.push(reason);
        }
    }

    /// A batch was committed.
    fn end(&mut self) {
        if !self.0.is_empty() {
            tracing::info!("Postgres takes callbacks again");
            self.0.clear();
        }
    }
}

/// The facts of a batch and, at the same places, where to send the answers.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    answers: Vec<Answer>,
}

impl Batch {
    /// Takes what fits: a batch of large messages must be committed in time like any other.
    fn of_limited_weight(waiting: &mut impl Iterator<Item = Submission>) -> Self {
        let mut batch = Self::default();
        let mut weight = 0;
        while weight < MAX_BATCH_WEIGHT
            && let Some(Submission { event, answer }) = waiting.next()
        {
            weight += event.weight();
            batch.events.push(event);
            batch.answers.push(answer);
        }
        batch
    }
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
        Self {
            writer: Writer::new(database, limits.commit_deadline),
            limits,
            queue,
            readiness,
            outage: Outage::default(),
        }
    }

    /// Runs until every handle is gone and the queue is empty.
    pub(super) async fn run(mut self) {
        while self.wait_for_postgres().await {
            self.readiness.send_replace(Readiness::Postgres);
            if self.commit_until_away().await {
                return;
            }
            self.readiness.send_replace(Readiness::NotReady);
        }
    }

    /// Refuses what comes, at once, until Postgres is there. False: every handle is gone.
    async fn wait_for_postgres(&mut self) -> bool {
        let Self { writer, queue, outage, .. } = self;
        let mut probe = Box::pin(async {
            loop {
                match writer.connect().await {
                    Ok(()) => return,
                    Err(error) => outage.tell(&error),
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
            let mut waiting = gathered.drain(..).peekable();
            while waiting.peek().is_some() {
                let batch = Batch::of_limited_weight(&mut waiting);
                if let Err(Away) = self.commit(batch).await {
                    refuse(waiting.map(|submission| submission.answer), SubmitError::Unavailable);
                    return false;
                }
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
                    self.outage.end();
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
                        return Err(self.give_up(pending, &error));
                    }
                }
                Err(
                    error @ (InsertError::Failed { .. }
                    | InsertError::Unavailable(_)
                    | InsertError::Timeout(_)
                    | InsertError::NotConnected),
                ) => {
                    pending.push(batch);
                    return Err(self.give_up(pending, &error));
                }
            }
        }
        Ok(())
    }

    /// Answers all that is left of a batch.
    fn give_up(&mut self, pending: Vec<Batch>, error: &InsertError) -> Away {
        self.outage.tell(error);
        refuse(pending.into_iter().flat_map(|batch| batch.answers), SubmitError::Unavailable);
        Away
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
                Err(error @ (InsertError::Failed { .. } | InsertError::Unavailable(_))) => {
                    writer.connect().await.map_err(|_| error)?;
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

fn refuse(answers: impl IntoIterator<Item = Answer>, error: SubmitError) {
    for answer in answers {
        // The client may have gone.
        let _ = answer.send(Err(error));
    }
}
