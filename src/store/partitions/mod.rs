//! Partitions, created ahead of time and on demand.
//!
//! The times that a partition covers are read from the catalog, never from its name: partitions of
//! different widths stand side by side, so that the width can change without moving rows. Replicas take
//! turns by an advisory lock.

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
const TABLES: [&str; 2] = ["delivery_reports", "inbound_messages"];

/// The advisory lock for creating partitions: an arbitrary number, the same in every version.
const LOCK: i64 = 0x726F_7574_6F00;

/// The partitions that a table should have.
#[derive(Clone, Copy, Debug)]
pub struct PartitionPlan {
    /// The time that a new partition covers.
    pub width: PartitionWidth,
    /// How many partitions are ready after the current one.
    pub ahead: u32,
}

/// Creates the current partition and those ahead, if they are missing.
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

/// Creates the partitions that rows of these times lack.
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
        // Read again under the lock: another replica may have created them.
        for period in missing(catalog::bounds_of(&mut transaction, table).await?) {
            made.push(make(&mut transaction, table, period).await?);
        }
    }
    transaction.commit().await?;
    if !made.is_empty() {
        tracing::info!(partitions = made.join(", "), "created partitions");
    }
    Ok(())
}

async fn make(
    connection: &mut PgConnection,
    table: &str,
    period: Period,
) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select make_partition($1, $2, $3) as "name!""#,
        table,
        period.from,
        period.to
    )
    .fetch_one(connection)
    .await
}
