//! Whether Postgres can be used: one connection while it can, a task that probes it while it can't.

use std::panic::resume_unwind;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};

use crate::error_chain::Chain;

use super::sink::Sink;

/// How long to wait between attempts to reach a Postgres that can't be used.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// The way to Postgres: a sink that takes events, or a task that returns it once it does.
pub(super) struct Link<S> {
    sink: Option<(S, Outage)>,
    probe: Option<Probe<S>>,
}

impl<S: Sink> Link<S> {
    /// Starts with a probe: nothing is known of Postgres yet.
    pub(super) fn new(sink: S) -> Self {
        Self { sink: None, probe: Some(Probe::start(sink, Outage::default())) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.sink.is_some()
    }

    /// The sink, while Postgres can be used.
    pub(super) fn sink(&mut self) -> Option<&mut (S, Outage)> {
        self.sink.as_mut()
    }

    /// Postgres has failed: nothing waits for it any more, until a probe succeeds.
    pub(super) fn give_up(&mut self) {
        if let Some((sink, outage)) = self.sink.take() {
            self.probe = Some(Probe::start(sink, outage));
        }
    }

    /// Waits up to `patience` for the first attempt to reach Postgres. Whether it can be used.
    pub(super) async fn first_attempt(&mut self, patience: Duration) -> bool {
        if let Some(probe) = &mut self.probe
            && let Some(sink) = probe.first_attempt(patience).await
        {
            self.sink = Some(sink);
            self.probe = None;
        }
        self.is_up()
    }

    /// Returns when a Postgres that could not be used can be; never, if it can already. Cancel-safe.
    pub(super) async fn until_up(&mut self) {
        if let Some(probe) = &mut self.probe
            && let Some(sink) = probe.succeeded().await
        {
            self.sink = Some(sink);
            self.probe = None;
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// The task that tries until Postgres can be used.
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
                outage.log(&error);
                // Nobody may be waiting for it.
                let _ = failed.take().map(|failed| failed.send(()));
                sleep(PROBE_INTERVAL).await;
            }
            (sink, outage)
        });
        Self { task, first_failure }
    }

    /// The sink, once it can be used. `None` if the runtime is stopping.
    async fn succeeded(&mut self) -> Option<(S, Outage)> {
        or_panic((&mut self.task).await)
    }

    async fn first_attempt(&mut self, patience: Duration) -> Option<(S, Outage)> {
        let Self { task, first_failure } = self;
        let attempt = async {
            tokio::select! {
                biased;
                probed = task => or_panic(probed),
                Ok(()) = first_failure => None,
            }
        };
        timeout(patience, attempt).await.unwrap_or(None)
    }
}

/// Passes a panic of the task on: without the task nobody would find out that Postgres is back.
fn or_panic<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(value) => Some(value),
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_cancelled)) => None,
    }
}

impl<S> Drop for Probe<S> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Logs the start and the end of an outage, and each further reason once, however often it recurs.
#[derive(Default)]
pub(super) struct Outage {
    logged_reasons: Vec<String>,
}

impl Outage {
    /// The most reasons that are logged for one outage.
    const MAX_REASONS: usize = 8;

    pub(super) fn log(&mut self, error: &dyn std::error::Error) {
        let reason = Chain(error).to_string();
        if self.logged_reasons.len() >= Self::MAX_REASONS || self.logged_reasons.contains(&reason) {
            return;
        }
        if self.logged_reasons.is_empty() {
            tracing::warn!(error = reason, "Postgres is unavailable: callbacks go to the spool");
        } else {
            tracing::info!(error = reason, "Postgres is still unavailable, for a different reason");
        }
        self.logged_reasons.push(reason);
    }

    /// A batch was committed.
    pub(super) fn end(&mut self) {
        if !self.logged_reasons.is_empty() {
            tracing::info!("Postgres is available again: callbacks go to Postgres");
            self.logged_reasons.clear();
        }
    }
}
