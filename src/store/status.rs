//! Whether the database is well, and what arrived last: for `status`.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::metrics::Purpose;

use super::connection::Connection;
use super::error::is_insufficient_privilege;
use super::{Database, StoreError, partitions};

/// How far back the last callback of an account is looked for: of an account without callbacks, every
/// row within this time is read.
const LAST_CALLBACK_WITHIN: Duration = Duration::from_hours(7 * 24);

/// A connection that only reads.
pub struct StatusReader {
    connection: Connection,
}

/// The state of the database.
#[derive(Clone, Debug)]
pub struct DatabaseStatus {
    /// Of the server.
    pub version: String,
    /// Whether it takes no writes, as a standby.
    pub read_only: bool,
    /// Whether a commit survives a crash of the machine.
    pub fsync: bool,
    /// Tables and partitions of callbacks that a crash of the server empties.
    pub unlogged: Vec<String>,
    /// The database's clock minus this machine's, give or take the time of a round trip.
    pub clock_difference: time::Duration,
    /// By table, how many partitions are ready for times to come.
    pub partitions_ahead: Vec<(&'static str, usize)>,
}

/// What arrived.
#[derive(Clone, Debug)]
pub struct CallbackStatus {
    pub last: Vec<LastCallback>,
    /// Rejected callbacks since midnight UTC that are not replayed.
    pub rejected_today: i64,
}

/// When the last callback of an account arrived, if one did within the last seven days.
#[derive(Clone, Debug)]
pub struct LastCallback {
    pub account: String,
    pub kind: String,
    pub received_at: Option<OffsetDateTime>,
}

impl StatusReader {
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        Ok(Self { connection: database.connect(Purpose::Upkeep).await? })
    }

    /// Whether the schema is this program's.
    pub async fn check_schema(&mut self, database: &Database) -> Result<(), StoreError> {
        database.ensure_current(&mut self.connection).await
    }

    /// The state of the database. Its schema must be this program's.
    pub async fn database(&mut self) -> Result<DatabaseStatus, StoreError> {
        let asked = OffsetDateTime::now_utc();
        let row = sqlx::query!(
            r#"
            select
                clock_timestamp() as "now!",
                current_setting('server_version') as "version!",
                pg_is_in_recovery() or current_setting('transaction_read_only')::boolean
                    as "read_only!",
                current_setting('fsync')::boolean as "fsync!",
                array(
                    select relation.oid::regclass::text
                    from pg_class as relation
                    left join pg_inherits as inheritance on inheritance.inhrelid = relation.oid
                    where coalesce(inheritance.inhparent, relation.oid) in (
                        to_regclass('delivery_reports'),
                        to_regclass('inbound_messages'),
                        to_regclass('rejected_callbacks')
                    )
                    and relation.relpersistence = 'u'
                    order by relation.oid::regclass::text
                ) as "unlogged!"
            "#
        )
        .fetch_one(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)?;
        let answered = OffsetDateTime::now_utc();
        Ok(DatabaseStatus {
            version: row.version,
            read_only: row.read_only,
            fsync: row.fsync,
            unlogged: row.unlogged,
            clock_difference: row.now - (asked + (answered - asked) / 2),
            partitions_ahead: partitions::ahead(&mut self.connection).await?,
        })
    }

    /// What arrived for these accounts. `None`: the role may not read the tables, as the service's may
    /// not.
    pub async fn callbacks(
        &mut self,
        accounts: &[String],
    ) -> Result<Option<CallbackStatus>, StoreError> {
        match callbacks(&mut self.connection, accounts).await {
            Err(error) if is_insufficient_privilege(&error) => Ok(None),
            read => read.map(Some).map_err(StoreError::Reading),
        }
    }

    pub async fn close(self) {
        self.connection.close().await;
    }
}

async fn callbacks(
    connection: &mut PgConnection,
    accounts: &[String],
) -> Result<CallbackStatus, sqlx::Error> {
    let now = OffsetDateTime::now_utc();
    // From the newest row back, by the primary key, until there is one of the account.
    let last = sqlx::query_as!(
        LastCallback,
        r#"
        select asked.account as "account!", kinds.kind as "kind!", kinds.received_at
        from unnest($1::text[]) as asked (account)
        cross join lateral (
            select 'delivery-report' as kind, (
                select report.received_at
                from delivery_reports as report
                where report.account = asked.account
                and report.received_at > $2
                order by report.received_at desc
                limit 1
            ) as received_at
            union all
            select 'inbound-message', (
                select inbound.received_at
                from inbound_messages as inbound
                where inbound.account = asked.account
                and inbound.received_at > $2
                order by inbound.received_at desc
                limit 1
            )
        ) as kinds
        order by asked.account, kinds.kind
        "#,
        accounts,
        now - LAST_CALLBACK_WITHIN,
    )
    .fetch_all(&mut *connection)
    .await?;
    let rejected_today = sqlx::query_scalar!(
        r#"
        select count(*) as "rejected!"
        from rejected_callbacks
        where received_at >= $1
        and replayed_at is null
        "#,
        now.date().midnight().assume_utc(),
    )
    .fetch_one(connection)
    .await?;
    Ok(CallbackStatus { last, rejected_today })
}
