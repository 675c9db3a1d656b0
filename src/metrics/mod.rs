//! What is counted and measured, and its text for Prometheus. Holds figures, whoever reports them.
//!
//! Names follow Prometheus' conventions, and no label has a value that a stranger chooses: kinds,
//! answers, reasons, and the accounts of the configuration.

mod exposition;
mod http;
mod ingest;
mod postgres;
#[cfg(target_os = "linux")]
mod process;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use exposition::{Exposition, QueueSample, Sample, SpoolSample};
pub use http::{AuthenticationFailure, HttpMetrics, Listener, ListenerMetrics, OpenConnection};
pub use ingest::{CommitTarget, IngestMetrics, Rejection};
pub use postgres::{OpenPostgresConnection, PostgresMetrics, Purpose};

/// All that is counted where it happens. Clones share their figures.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Requests and connections.
    pub http: HttpMetrics,
    /// The way to the disk.
    pub ingest: IngestMetrics,
    /// Connections to Postgres and what is looked after there.
    pub postgres: PostgresMetrics,
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        self.http.register(registry);
        self.ingest.register(registry);
        self.postgres.register(registry);
    }
}

/// From half a millisecond, which is fast, to past any time-out of a gateway's.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Durations in seconds.
fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

#[cfg(test)]
mod tests;
