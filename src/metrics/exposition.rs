//! Renders all metrics as text for Prometheus. Some are sampled at each scrape.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::Metrics;
use super::gauge::gauge;

const PREFIX: &str = "routo";

const PREVIOUS_CREDENTIAL_LAST_USED: &str = "previous_credential_last_used_timestamp_seconds";

/// Finds in an exposition when a previous credential was last used, in seconds since 1970; 0: not since
/// the start. `None` if the service does not accept it.
#[must_use]
pub fn previous_credential_last_used(
    exposition: &str,
    account: &str,
    credential: &str,
) -> Option<i64> {
    let name = format!(
        r#"{PREFIX}_{PREVIOUS_CREDENTIAL_LAST_USED}{{account="{account}",credential="{credential}"}} "#
    );
    exposition.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
}

/// State that is in memory at each scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Whether a callback that arrives now goes to Postgres.
    pub postgres_up: bool,
    /// Whether a callback that arrives now is made durable.
    pub ready: bool,
    pub queue: QueueSample,
    /// Memory of the heads, bodies and events of all requests, in bytes.
    pub buffered_bytes: u64,
    pub previous_credentials: Vec<PreviousCredentialSample>,
}

/// A previous password or token that is still accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousCredentialSample {
    pub account: String,
    /// The key of the configuration.
    pub credential: &'static str,
    /// In seconds since 1970; `None` if it was not used since the start.
    pub last_used: Option<i64>,
}

/// The queue of the committer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSample {
    pub callbacks: usize,
    pub capacity: usize,
}

/// State of the spool, which has to be read from its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolSample {
    pub callbacks: u64,
    pub bytes: u64,
    pub max_bytes: u64,
    /// Since the oldest callback was received; 0 if there is none.
    pub oldest_age_seconds: u64,
    pub set_aside_files: u64,
}

/// All metrics, counted and sampled.
pub struct Exposition {
    registry: Registry,
    sample: Box<dyn Fn() -> Sample + Send + Sync>,
    spool: Box<dyn Fn() -> Option<SpoolSample> + Send + Sync>,
}

impl Exposition {
    /// `sample` and `spool` are called at each scrape. `spool` may block; it returns `None` if the spool
    /// can't be read.
    pub fn new(
        metrics: &Metrics,
        sample: impl Fn() -> Sample + Send + Sync + 'static,
        spool: impl Fn() -> Option<SpoolSample> + Send + Sync + 'static,
    ) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register(
            "build",
            "The version of the program",
            Info::new(Build::of_this_program()),
        );
        metrics.register(&mut registry);
        Self { registry, sample: Box::new(sample), spool: Box::new(spool) }
    }

    /// Reads the spool's files, and blocks for as long as the disk takes.
    #[must_use]
    pub fn inspect_spool(&self) -> Option<SpoolSample> {
        (self.spool)()
    }

    /// The text, in Prometheus' format 0.0.4. Metrics of the spool are left out without a sample.
    #[must_use]
    pub fn render(&self, spool: Option<SpoolSample>) -> String {
        let mut sampled = Registry::with_prefix(PREFIX);
        (self.sample)().register(&mut sampled);
        if let Some(spool) = spool {
            spool.register(&mut sampled);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry);
        encode(&mut text, &sampled);
        #[cfg(target_os = "linux")]
        {
            let mut process = Registry::with_prefix("process");
            super::process::register(&mut process);
            encode(&mut text, &process);
        }
        text
    }
}

fn encode(text: &mut String, registry: &Registry) {
    prometheus_text::encode(text, registry).expect("writing to a string does not fail");
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
    /// The build of a release sets the revision; `cargo` does not know it.
    fn of_this_program() -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), revision: env!("BUILD_REVISION") }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PreviousCredentialLabels {
    account: String,
    credential: &'static str,
}

impl Sample {
    fn register(&self, registry: &mut Registry) {
        let Self { postgres_up, ready, queue, buffered_bytes, previous_credentials } = self;
        gauge(registry, "postgres_up", "Whether callbacks go to Postgres", u64::from(*postgres_up));
        gauge(
            registry,
            "ready",
            "Whether callbacks are stored, in Postgres or the spool",
            u64::from(*ready),
        );
        let callbacks = queue.callbacks as u64;
        gauge(registry, "queue_callbacks", "Callbacks waiting in the queue", callbacks);
        let capacity = queue.capacity as u64;
        gauge(
            registry,
            "buffered_bytes",
            "Memory of the heads, bodies and events of all requests",
            *buffered_bytes,
        );
        gauge(registry, "queue_capacity", "Callbacks that the queue can hold", capacity);
        if !previous_credentials.is_empty() {
            let last_used = Family::<PreviousCredentialLabels, Gauge>::default();
            for PreviousCredentialSample { account, credential, last_used: at } in
                previous_credentials
            {
                let labels = PreviousCredentialLabels { account: account.clone(), credential };
                last_used.get_or_create(&labels).set(at.unwrap_or(0));
            }
            registry.register(
                PREVIOUS_CREDENTIAL_LAST_USED,
                "When a previous password or token was last used, in seconds since 1970; 0: not since the start",
                last_used,
            );
        }
    }
}

impl SpoolSample {
    fn register(&self, registry: &mut Registry) {
        gauge(registry, "spool_callbacks", "Callbacks in the spool", self.callbacks);
        gauge(registry, "spool_bytes", "Bytes of the spool's files", self.bytes);
        let max_bytes = self.max_bytes;
        gauge(registry, "spool_max_bytes", "Limit of the bytes of the spool's files", max_bytes);
        gauge(
            registry,
            "spool_oldest_age_seconds",
            "Age of the oldest callback in the spool; 0 if it is empty",
            self.oldest_age_seconds,
        );
        gauge(
            registry,
            "spool_set_aside_files",
            "Spool files that were set aside for inspection",
            self.set_aside_files,
        );
    }
}
