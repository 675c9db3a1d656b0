//! Whether Postgres can be used, and what the log is told of it.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::error_chain::Chain;

use super::sink::Sink;

/// How long to wait between attempts to reach a Postgres that is away.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// The way to Postgres: a sink that takes facts, or a task that finds out when it does again.
pub(super) struct Link<S> {
    sink: Option<(S, Outage)>,
    probe: Option<Probe<S>>,
}

impl<S: Sink> Link<S> {
    /// Nothing is known of it yet.
    pub(super) fn new(sink: S) -> Self {
        Self { sink: None, probe: Some(Probe::start(sink, Outage::default())) }
    }

    pub(super) fn is_there(&self) -> bool {
        self.sink.is_some()
    }

    /// The sink, while Postgres is there.
    pub(super) fn sink(&mut self) -> Option<&mut (S, Outage)> {
        self.sink.as_mut()
    }

    /// Postgres has failed: from here on nothing waits for it.
    pub(super) fn give_up(&mut self) {
        if let Some((sink, outage)) = self.sink.take() {
            self.probe = Some(Probe::start(sink, outage));
        }
    }

    /// Waits for the first attempt to reach it, for so long at most. Whether it is there.
    pub(super) async fn first_attempt(&mut self, patience: Duration) -> bool {
        if let Some(probe) = &mut self.probe
            && let Some(there) = probe.first_attempt(patience).await
        {
            self.sink = Some(there);
            self.probe = None;
        }
        self.is_there()
    }

    /// Returns when a Postgres that was away takes facts. Cancel-safe.
    pub(super) async fn until_back(&mut self) {
        if let Some(probe) = &mut self.probe
            && let Ok(there) = (&mut probe.task).await
        {
            self.sink = Some(there);
            self.probe = None;
            return;
        }
        // It is there, or the runtime is stopping.
        std::future::pending::<()>().await;
    }
}

/// The task that tries until Postgres takes facts.
struct Probe<S> {
    task: JoinHandle<(S, Outage)>,
    first_failure: oneshot::Receiver<()>,
}

impl<S: Sink> Probe<S> {
    fn start(mut sink: S, mut outage: Outage) -> Self {
        let (failed, first_failure) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut failed = Some(failed);
            while let Err(error) = sink.connect().await {
                outage.tell(&error);
                // Nobody may be waiting for it.
                let _ = failed.take().map(|failed| failed.send(()));
                sleep(PROBE_INTERVAL).await;
            }
            (sink, outage)
        });
        Self { task, first_failure }
    }

    async fn first_attempt(&mut self, patience: Duration) -> Option<(S, Outage)> {
        let Self { task, first_failure } = self;
        let there = timeout(patience, async {
            tokio::select! {
                biased;
                there = task => there.ok(),
                Ok(()) = first_failure => None,
            }
        });
        there.await.ok().flatten()
    }
}

impl<S> Drop for Probe<S> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the log has been told of an outage: that it began, once, and each further reason once, however
/// often it recurs.
#[derive(Default)]
pub(super) struct Outage(Vec<String>);

impl Outage {
    /// Past this many reasons in one outage the log has enough of them.
    const MAX_REASONS: usize = 8;

    pub(super) fn tell(&mut self, error: &dyn std::error::Error) {
        let reason = Chain(error).to_string();
        if self.0.len() >= Self::MAX_REASONS || self.0.contains(&reason) {
            return;
        }
        if self.0.is_empty() {
            tracing::warn!(
                error = reason,
                "Postgres can't be used: callbacks go to the spool until it can"
            );
        } else {
            tracing::info!(error = reason, "Postgres still can't be used, for another reason");
        }
        self.0.push(reason);
    }

    /// A batch was committed.
    pub(super) fn end(&mut self) {
        if !self.0.is_empty() {
            tracing::info!("Postgres takes callbacks again");
            self.0.clear();
        }
    }
}
