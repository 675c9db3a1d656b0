//! Monthly partitions, made ahead of time and on demand.
//!
//! A partition is made as a table of its own and then attached, which, unlike `create table …
//! partition of`, does not stop writers or readers of the parent (Postgres documentation, 5.12.2.2).
//! An advisory lock makes replicas take turns.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::{Date, Month, OffsetDateTime};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error_chain::Chain;

use super::{Database, StoreError};

/// The tables that are partitioned by `received_at`.
const TABLES: [&str; 2] = ["delivery_reports", "inbound_messages"];

/// The advisory lock under which partitions are made: an arbitrary number, the same everywhere.
const LOCK: i64 = 0x726F_7574_6F00;

/// How often [`keep_ahead`] looks whether partitions are due.
const KEEP_AHEAD_INTERVAL: Duration = Duration::from_hours(1);

/// Makes the partitions of the current month and of `months_ahead` months after it.
pub(super) async fn ensure_ahead(
    connection: &mut PgConnection,
    months_ahead: u32,
) -> Result<(), StoreError> {
    let mut month = month_of(OffsetDateTime::now_utc());
    let mut months = vec![month];
    for _ in 0..months_ahead {
        month = next(month);
        months.push(month);
    }
    ensure(connection, &months).await
}

/// Keeps making partitions ahead, until `stop`. The first were made when the database was prepared.
pub async fn keep_ahead(database: Database, stop: CancellationToken) {
    while timeout(KEEP_AHEAD_INTERVAL, stop.cancelled()).await.is_err() {
        let made = async { database.make_partitions(&mut database.connect().await?).await };
        if let Some(Err(error)) = stop.run_until_cancelled(made).await {
            tracing::warn!(error = %Chain(&error), "could not look after partitions; will try again in an hour");
        }
    }
}

/// Makes the partitions that rows of these times need.
pub(super) async fn ensure_for(
    connection: &mut PgConnection,
    times: impl Iterator<Item = OffsetDateTime>,
) -> Result<(), StoreError> {
    let mut months: Vec<Date> = times.map(month_of).collect();
    months.sort_unstable();
    months.dedup();
    ensure(connection, &months).await
}

async fn ensure(connection: &mut PgConnection, months: &[Date]) -> Result<(), StoreError> {
    let missing = missing(connection, months).await.map_err(StoreError::Partitions)?;
    if missing.is_empty() {
        return Ok(());
    }
    make(connection, &missing).await.map_err(StoreError::Partitions)
}

async fn make(
    connection: &mut PgConnection,
    wanted: &[(&'static str, Date)],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query!("set local lock_timeout = '10s'").execute(&mut *transaction).await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCK).execute(&mut *transaction).await?;
    let mut made = Vec::new();
    for (table, month) in wanted {
        let name = partition_name(table, *month);
        // Another replica may have been faster. A table that somebody detached is attached again.
        if exists(&mut transaction, &name).await? {
            continue;
        }
        let (from, to) = (bound(*month), bound(next(*month)));
        let statements = [
            format!(
                "create table if not exists {name} (like {table} including defaults including comments)"
            ),
            format!(
                "alter table {table} attach partition {name} for values from ('{from}') to ('{to}')"
            ),
        ];
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        }
        made.push(name);
    }
    transaction.commit().await?;
    if !made.is_empty() {
        tracing::info!(partitions = made.join(", "), "made partitions");
    }
    Ok(())
}

async fn missing(
    connection: &mut PgConnection,
    months: &[Date],
) -> Result<Vec<(&'static str, Date)>, sqlx::Error> {
    let mut missing = Vec::new();
    for table in TABLES {
        for month in months {
            if !exists(connection, &partition_name(table, *month)).await? {
                missing.push((table, *month));
            }
        }
    }
    Ok(missing)
}

/// Looks into the catalog's table: `to_regclass` answers from a cache that does not see what another
/// session made while this one waited for the lock.
async fn exists(connection: &mut PgConnection, partition: &str) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!(
        "select exists (
             select from pg_class join pg_inherits on inhrelid = oid
             where relname = $1 and pg_table_is_visible(oid)
         )",
        partition
    )
    .fetch_one(connection)
    .await?;
    Ok(found == Some(true))
}

/// The first day of the month, in UTC, that a time is in.
fn month_of(at: OffsetDateTime) -> Date {
    let date = at.to_offset(time::UtcOffset::UTC).date();
    date.replace_day(1).unwrap_or(date)
}

fn next(month: Date) -> Date {
    let following = month.month().next();
    let year = month.year() + i32::from(following == Month::January);
    Date::from_calendar_date(year, following, 1).unwrap_or(Date::MAX)
}

fn partition_name(table: &str, month: Date) -> String {
    format!("{table}_{:04}_{:02}", month.year(), u8::from(month.month()))
}

fn bound(month: Date) -> String {
    format!("{:04}-{:02}-01 00:00:00+00", month.year(), u8::from(month.month()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn a_month_is_that_of_utc_and_december_is_followed_by_january() {
        let month = month_of(datetime!(2027-01-01 00:30 +1));
        assert_eq!(month, date!(2026 - 12 - 01));
        assert_eq!(next(month), date!(2027 - 01 - 01));
        assert_eq!(partition_name("inbound_messages", month), "inbound_messages_2026_12");
        assert_eq!(bound(next(month)), "2027-01-01 00:00:00+00");
    }
}
