//! Dropping what is older than the configuration says: whole partitions, or, of a table that has none,
//! rows in small batches.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::StoreError;
use super::error::is_lock_timeout;
use super::timeouts::Timeouts;

/// Rejected callbacks that are deleted in one transaction, and so many transactions at a time.
const BATCH_ROWS: i32 = 1_000;
const MAX_BATCHES: u32 = 100;

/// How long rows are kept after they arrived; for ever where there is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// Rows of `delivery_reports`.
    pub delivery_reports: Option<Duration>,
    /// Rows of `inbound_messages`.
    pub inbound_messages: Option<Duration>,
    /// Rows of `rejected_callbacks`.
    pub rejected_callbacks: Option<Duration>,
}

/// Drops all that is due. Dropping a partition takes its whole table for a moment; it waits for that no
/// longer than `lock_patience`, as callbacks wait behind it.
pub(super) async fn apply(
    connection: &mut PgConnection,
    retention: &Retention,
    lock_patience: Duration,
) -> Result<(), StoreError> {
    let now = earlier_of_both_clocks(connection).await.map_err(StoreError::Connect)?;
    Timeouts::UPKEEP.with_lock(lock_patience).set(connection).await.map_err(StoreError::Connect)?;
    // One that fails does not keep the others.
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

/// What is young by one of the two clocks stays: one that is far ahead must not empty the tables.
async fn earlier_of_both_clocks(
    connection: &mut PgConnection,
) -> Result<OffsetDateTime, sqlx::Error> {
    let database = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(connection).await?;
    Ok(database.min(OffsetDateTime::now_utc()))
}

/// Each in a statement that is a transaction of its own, so that a service which freezes in the midst
/// of it keeps no lock.
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
            Ok(Some(partition)) => tracing::info!(partition, "dropped an old partition"),
            Ok(None) => return Ok(()),
            Err(error) if is_lock_timeout(&error) => {
                let holder = holder_of(connection, table).await.map_err(StoreError::Retention)?;
                return Err(StoreError::PartitionInUse {
                    table,
                    holder: holder.unwrap_or_default(),
                });
            }
            Err(error) => return Err(StoreError::Retention(error)),
        }
    }
}

/// Who has used a table for longest, in words; what other roles do may be hidden from this one.
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
        and locks.relation in (
            select table_name::regclass
            from callback_partitions
            where table_name = $1
            union
            select partition
            from callback_partitions
            where table_name = $1
        )
        -- Last, one that ended while this looked, or is hidden.
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
        tracing::info!(rows, "deleted old rejected callbacks");
    }
    Ok(())
}
