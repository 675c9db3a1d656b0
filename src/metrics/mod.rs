//! Metrics: what is counted and measured, and its text for Prometheus.
//!
//! Names follow Prometheus' conventions. A stranger can't choose the value of a label: there are kinds,
//! answers, reasons, and the configured accounts.

mod exposition;
mod gauge;
mod http;
mod ingest;
mod postgres;
#[cfg(target_os = "linux")]
mod process;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use exposition::{
    Exposition, PreviousCredentialSample, QueueSample, Sample, SpoolSample,
    previous_credential_last_used,
};
pub use http::{AuthenticationFailure, HttpMetrics, Listener, ListenerMetrics, OpenConnection};
pub use ingest::{CommitTarget, IngestMetrics, Rejection};
pub use postgres::{OpenPostgresConnection, PostgresMetrics, Purpose, UnsafeState};

/// All metrics that are counted where something happens. Clones share their counters.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub http: HttpMetrics,
    pub ingest: IngestMetrics,
    pub postgres: PostgresMetrics,
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        self.http.register(registry);
        self.ingest.register(registry);
        self.postgres.register(registry);
    }
}

/// From half a millisecond, which is fast, to beyond the timeout of any gateway.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Durations in seconds.
fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

#[cfg(test)]
mod tests;
