//! Connections to Postgres, and what is looked after there.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Connections by what they are for, and partitions.
#[derive(Clone, Debug, Default)]
pub struct PostgresMetrics {
    connections: Family<OfPurpose, Gauge>,
    connects: Family<Connect, Counter>,
    partitions_ahead: Family<OfTable, Gauge>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Callbacks that somebody waits for.
    Ingest,
    /// Callbacks from the spool.
    Drain,
    /// Partitions, retention, indexes, and the commands of people.
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
struct OfPurpose {
    purpose: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connect {
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTable {
    table: &'static str,
}

impl PostgresMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        for purpose in Purpose::ALL {
            let _ = self.connections.get_or_create(&OfPurpose { purpose: purpose.as_str() });
            for connected in [true, false] {
                let _ = self.connects.get_or_create(&connect(purpose, connected));
            }
        }
        registry.register(
            "postgres_connections",
            "Connections to Postgres that are open",
            self.connections.clone(),
        );
        registry.register(
            "postgres_connects",
            "Attempts to connect to Postgres",
            self.connects.clone(),
        );
        registry.register(
            "partitions_ahead",
            "Partitions that are ready for times to come, when they were last looked after",
            self.partitions_ahead.clone(),
        );
    }

    /// A connection was made: it counts until the value is dropped.
    #[must_use]
    pub fn connected(&self, purpose: Purpose) -> OpenPostgresConnection {
        self.connects.get_or_create(&connect(purpose, true)).inc();
        let labels = OfPurpose { purpose: purpose.as_str() };
        let open = self.connections.get_or_create_owned(&labels);
        open.inc();
        OpenPostgresConnection(open)
    }

    /// An attempt to connect failed.
    pub fn not_connected(&self, purpose: Purpose) {
        self.connects.get_or_create(&connect(purpose, false)).inc();
    }

    /// So many of a table's partitions are ready for times to come.
    pub fn partitions_ahead(&self, table: &'static str, partitions: usize) {
        let partitions = i64::try_from(partitions).unwrap_or(i64::MAX);
        self.partitions_ahead.get_or_create(&OfTable { table }).set(partitions);
    }
}

fn connect(purpose: Purpose, connected: bool) -> Connect {
    let outcome = if connected { "connected" } else { "failed" };
    Connect { purpose: purpose.as_str(), outcome }
}

/// A connection that counts as open.
#[derive(Debug)]
pub struct OpenPostgresConnection(Gauge);

impl Drop for OpenPostgresConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
