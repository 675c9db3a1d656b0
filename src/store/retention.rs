//! Dropping what is older than `retention.*` in the configuration: whole partitions, and of tables
//! without partitions, rows in small batches.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::StoreError;
use super::error::is_lock_timeout;
use super::timeouts::Timeouts;

/// Rejected callbacks deleted in one transaction, and transactions per run.
const BATCH_ROWS: i32 = 1_000;
const MAX_BATCHES: u32 = 100;

/// How long the rows of each table are kept after their reception; `None` is forever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    pub delivery_reports: Option<Duration>,
    pub inbound_messages: Option<Duration>,
    pub rejected_callbacks: Option<Duration>,
}

/// Drops everything that has expired. Dropping a partition locks its whole table for a moment; it waits
/// for that lock no longer than `lock_patience`, because callbacks queue behind it.
pub(super) async fn apply(
    connection: &mut PgConnection,
    retention: &Retention,
    lock_patience: Duration,
) -> Result<(), StoreError> {
    let now = earlier_of_both_clocks(connection).await.map_err(StoreError::Connect)?;
    Timeouts::UPKEEP.with_lock(lock_patience).set(connection).await.map_err(StoreError::Connect)?;
    // If one table fails, the others are still tried; the first error is returned.
    let mut outcome = Ok(());
    for (table, kept) in [
        ("delivery_reports", retention.delivery_reports),
        ("inbound_messages", retention.inbound_messages),
    ] {
        if let Some(kept) = kept {
            outcome = outcome.and(drop_partitions(connection, table, now - kept).await);
        }
    }
    if let Some(kept) = retention.rejected_callbacks {
        outcome = outcome.and(delete_rejected(connection, now - kept).await);
    }
    outcome
}

/// Rows that are young by either clock stay: a clock that is far ahead must not empty the tables.
async fn earlier_of_both_clocks(
    connection: &mut PgConnection,
) -> Result<OffsetDateTime, sqlx::Error> {
    let database = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(connection).await?;
    Ok(database.min(OffsetDateTime::now_utc()))
}

/// Drops each partition by one statement that is a transaction of its own, so that a service that
/// freezes in the middle holds no lock.
async fn drop_partitions(
    connection: &mut PgConnection,
    table: &'static str,
    older_than: OffsetDateTime,
) -> Result<(), StoreError> {
    loop {
        let dropped =
            sqlx::query_scalar!("select drop_expired_partition($1, $2)", table, older_than)
                .fetch_one(&mut *connection)
                .await;
        match dropped {
            Ok(Some(partition)) => tracing::info!(partition, "dropped an expired partition"),
            Ok(None) => return Ok(()),
            Err(error) if is_lock_timeout(&error) => {
                let holder = holder_of(connection, table).await.map_err(StoreError::Retention)?;
                return Err(StoreError::PartitionInUse { table, holder });
            }
            Err(error) => return Err(StoreError::Retention(error)),
        }
    }
}

/// The process that has used a table for longest, in words; its name and time may be hidden from this
/// role. `None` if it has ended, or is a prepared transaction.
async fn holder_of(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select
            concat_ws(
                ' ',
                'process', activity.pid,
                '(' || nullif(activity.application_name, '') || ')',
                'since ' || to_char(activity.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SSZ')
            ) as "holder!"
        from pg_locks as locks
        join pg_stat_activity as activity on activity.pid = locks.pid
        where locks.granted
        and locks.pid <> pg_backend_pid()
        -- A database that was copied as a template has tables with the same oids.
        and activity.datname = current_database()
        and locks.relation in (
            select table_name::regclass
            from callback_partitions
            where table_name = $1
            union
            select partition
            from callback_partitions
            where table_name = $1
        )
        -- Last: a process that has just ended its transaction, or whose start is hidden.
        order by activity.xact_start nulls last
        limit 1
        "#,
        table
    )
    .fetch_optional(connection)
    .await
}

async fn delete_rejected(
    connection: &mut PgConnection,
    older_than: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut rows = 0;
    for _ in 0..MAX_BATCHES {
        let deleted = sqlx::query_scalar!(
            r#"select delete_expired_rejected_callbacks($1, $2) as "deleted!""#,
            older_than,
            BATCH_ROWS
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::Retention)?;
        rows += deleted;
        if deleted < i64::from(BATCH_ROWS) {
            break;
        }
    }
    if rows > 0 {
        tracing::info!(rows, "deleted expired rejected callbacks");
    }
    Ok(())
}
