//! Partitions, made ahead of time and on demand.
//!
//! Which times have a partition, only the catalog says, never a name: partitions of different widths
//! stand side by side, so that the width can be changed without moving rows. An advisory lock makes
//! replicas take turns.

mod catalog;
mod period;
mod width;

use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use crate::metrics::PostgresMetrics;

use super::StoreError;
use period::{Bounds, Period};

pub use width::PartitionWidth;

/// The tables that are partitioned by `received_at`.
pub(super) const TABLES: [&str; 2] = ["delivery_reports", "inbound_messages"];

/// The advisory lock under which partitions are made: an arbitrary number, the same everywhere.
const LOCK: i64 = 0x726F_7574_6F00;

/// Which partitions are to be there.
#[derive(Clone, Copy, Debug)]
pub struct PartitionPlan {
    /// How much time a new one covers.
    pub width: PartitionWidth,
    /// How many of them are to be ready beside the current one.
    pub ahead: u32,
}

/// Makes what is missing of the current partition and of those ahead.
pub(super) async fn ensure_ahead(
    connection: &mut PgConnection,
    plan: PartitionPlan,
    metrics: &PostgresMetrics,
) -> Result<(), StoreError> {
    let now = OffsetDateTime::now_utc();
    let missing = |existing| period::missing_ahead(existing, now, plan);
    let ensured = ensure(connection, missing).await;
    for table in TABLES {
        let existing =
            catalog::bounds_of(connection, table).await.map_err(StoreError::Partitions)?;
        metrics.partitions_ahead(table, period::ahead_of(&existing, now));
    }
    ensured.map_err(StoreError::Partitions)
}

/// Makes the partitions that rows of these times need.
pub(super) async fn ensure_for(
    connection: &mut PgConnection,
    times: &[OffsetDateTime],
    plan: PartitionPlan,
) -> Result<(), StoreError> {
    let missing = |existing| period::missing_for(existing, times, plan.width);
    ensure(connection, missing).await.map_err(StoreError::Partitions)
}

async fn ensure(
    connection: &mut PgConnection,
    missing: impl Fn(Vec<Bounds>) -> Vec<Period>,
) -> Result<(), sqlx::Error> {
    let mut is_complete = true;
    for table in TABLES {
        is_complete &= missing(catalog::bounds_of(connection, table).await?).is_empty();
    }
    if is_complete {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCK).execute(&mut *transaction).await?;
    let mut made = Vec::new();
    for table in TABLES {
        // Another replica may have been faster.
        for period in missing(catalog::bounds_of(&mut transaction, table).await?) {
            made.extend(make(&mut transaction, table, period).await?);
        }
    }
    transaction.commit().await?;
    if !made.is_empty() {
        tracing::info!(partitions = made.join(", "), "made partitions");
    }
    Ok(())
}

async fn make(
    connection: &mut PgConnection,
    table: &str,
    period: Period,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select make_partition($1, $2, $3)", table, period.from, period.to)
        .fetch_one(connection)
        .await
}
