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
    unsafe_states: Family<ReasonLabel, Gauge>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Live callbacks.
    Ingest,
    /// Callbacks from the spool.
    Drain,
    /// Partitions, retention, and commands that people run.
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

/// A state of the database that can undo what it has committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsafeState {
    /// `fsync = off`: commits are not flushed.
    Fsync,
    /// `full_page_writes = off`: a crash can tear a page.
    FullPageWrites,
    /// `data_sync_retry = on`: a failed flush is forgotten.
    DataSyncRetry,
    /// A crash of Postgres empties an unlogged table.
    UnloggedTable,
    /// A temporary table ends with its session.
    TemporaryTable,
}

impl UnsafeState {
    pub const ALL: [Self; 5] = [
        Self::Fsync,
        Self::FullPageWrites,
        Self::DataSyncRetry,
        Self::UnloggedTable,
        Self::TemporaryTable,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::FullPageWrites => "full_page_writes",
            Self::DataSyncRetry => "data_sync_retry",
            Self::UnloggedTable => "unlogged_table",
            Self::TemporaryTable => "temporary_table",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
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
        for state in UnsafeState::ALL {
            let _ = self.unsafe_states.get_or_create(&ReasonLabel { reason: state.as_str() });
        }
        registry.register(
            "database_unsafe",
            "1 where the database can lose what it has committed, by reason, when that was last checked",
            self.unsafe_states.clone(),
        );
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

    /// Whether the database is in this state.
    pub fn unsafe_state(&self, state: UnsafeState, is_so: bool) {
        let labels = ReasonLabel { reason: state.as_str() };
        self.unsafe_states.get_or_create(&labels).set(i64::from(is_so));
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
