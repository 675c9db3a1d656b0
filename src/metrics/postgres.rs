//! Metrics of connections to Postgres and of partitions.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub struct PostgresMetrics {
    connections: Family<PurposeLabel, Gauge>,
    connects: Family<ConnectLabels, Counter>,
    partitions_ahead: Family<TableLabel, Gauge>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Live callbacks.
    Ingest,
    /// Callbacks from the spool.
    Drain,
    /// Partitions, retention, indexes, and commands that people run.
    Upkeep,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Ingest, Self::Drain, Self::Upkeep];

    fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Drain => "drain",
            Self::Upkeep => "upkeep",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PurposeLabel {
    purpose: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectLabels {
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabel {
    table: &'static str,
}

impl PostgresMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        for purpose in Purpose::ALL {
            let _ = self.connections.get_or_create(&PurposeLabel { purpose: purpose.as_str() });
            for connected in [true, false] {
                let _ = self.connects.get_or_create(&connect(purpose, connected));
            }
        }
        registry.register(
            "postgres_connections",
            "Open connections to Postgres",
            self.connections.clone(),
        );
        registry.register(
            "postgres_connects",
            "Attempts to connect to Postgres",
            self.connects.clone(),
        );
        registry.register(
            "partitions_ahead",
            "Future partitions that exist, as of the last check",
            self.partitions_ahead.clone(),
        );
    }

    /// Counts a connection as open until the returned value is dropped.
    #[must_use]
    pub fn connected(&self, purpose: Purpose) -> OpenPostgresConnection {
        self.connects.get_or_create(&connect(purpose, true)).inc();
        let labels = PurposeLabel { purpose: purpose.as_str() };
        let open = self.connections.get_or_create_owned(&labels);
        open.inc();
        OpenPostgresConnection(open)
    }

    /// An attempt to connect failed.
    pub fn not_connected(&self, purpose: Purpose) {
        self.connects.get_or_create(&connect(purpose, false)).inc();
    }

    /// The number of a table's partitions that are ready for the future.
    pub fn partitions_ahead(&self, table: &'static str, partitions: usize) {
        let partitions = i64::try_from(partitions).unwrap_or(i64::MAX);
        self.partitions_ahead.get_or_create(&TableLabel { table }).set(partitions);
    }
}

fn connect(purpose: Purpose, connected: bool) -> ConnectLabels {
    let outcome = if connected { "connected" } else { "failed" };
    ConnectLabels { purpose: purpose.as_str(), outcome }
}

/// A connection that counts as open.
#[derive(Debug)]
pub struct OpenPostgresConnection(Gauge);

impl Drop for OpenPostgresConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
