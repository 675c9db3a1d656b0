//! The text that Prometheus reads, with the figures that are looked up when it asks.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::Metrics;

const PREFIX: &str = "routo";

/// What is looked up when Prometheus asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Whether a callback that came now would go to Postgres.
    pub postgres_up: bool,
    /// Whether a callback that came now would be made durable.
    pub ready: bool,
    /// What waits to be made durable.
    pub queue: QueueSample,
    /// What waits for Postgres; unknown where the spool can't be looked into.
    pub spool: Option<SpoolSample>,
}

/// The queue before the committer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSample {
    /// Callbacks that wait.
    pub callbacks: usize,
    /// How many may.
    pub capacity: usize,
}

/// The spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolSample {
    /// Callbacks that wait for Postgres.
    pub callbacks: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that they may have.
    pub max_bytes: u64,
    /// Seconds since the oldest of the callbacks was received; 0 without one.
    pub oldest_age_seconds: u64,
    /// Files that were set aside, for a person to look at.
    pub set_aside_files: u64,
}

/// All figures as text.
pub struct Exposition {
    registry: Registry,
    sample: Box<dyn Fn() -> Sample + Send + Sync>,
}

impl Exposition {
    /// Of these metrics and of what `sample` finds whenever it is asked for. `sample` may block.
    pub fn new(metrics: &Metrics, sample: impl Fn() -> Sample + Send + Sync + 'static) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("build", "The program", Info::new(Build::of_this_program()));
        metrics.register(&mut registry);
        Self { registry, sample: Box::new(sample) }
    }

    /// The text, in Prometheus' format 0.0.4. Blocks.
    #[must_use]
    pub fn render(&self) -> String {
        let mut sampled = Registry::with_prefix(PREFIX);
        (self.sample)().register(&mut sampled);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        let _ = prometheus_text::encode(&mut text, &sampled);
        #[cfg(target_os = "linux")]
        {
            let mut process = Registry::with_prefix("process");
            super::process::register(&mut process);
            let _ = prometheus_text::encode(&mut text, &process);
        }
        text
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    revision: &'static str,
}

impl Build {
    /// The revision is told by whoever builds a release; `cargo` does not know it.
    fn of_this_program() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            revision: option_env!("ROUTO_REVISION").unwrap_or("unknown"),
        }
    }
}

impl Sample {
    fn register(&self, registry: &mut Registry) {
        let Self { postgres_up, ready, queue, spool } = self;
        let mut gauge = |name, help, figure: u64| {
            registry.register::<&str, &str>(name, help, ConstGauge::new(figure));
        };
        gauge("postgres_up", "Whether callbacks go to Postgres", u64::from(*postgres_up));
        gauge("ready", "Whether callbacks are stored, in Postgres or the spool", u64::from(*ready));
        gauge("queue_callbacks", "Callbacks that wait for a batch", queue.callbacks as u64);
        gauge("queue_capacity", "Callbacks that may wait for a batch", queue.capacity as u64);
        let Some(spool) = spool else { return };
        gauge("spool_callbacks", "Callbacks in the spool", spool.callbacks);
        gauge("spool_bytes", "Bytes of the spool's files", spool.bytes);
        gauge("spool_max_bytes", "Bytes that the spool's files may have", spool.max_bytes);
        gauge(
            "spool_oldest_age_seconds",
            "Since the oldest callback in the spool was received; 0 without one",
            spool.oldest_age_seconds,
        );
        gauge(
            "spool_set_aside_files",
            "Files of the spool that were set aside, for a person to look at",
            spool.set_aside_files,
        );
    }
}
