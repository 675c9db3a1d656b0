//! Rejected callbacks: inserting them, reading them, and making rows of them after all.

use std::net::IpAddr;

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccountName, CallbackKind, Event, EventKey, RejectedCallback};
use crate::wire::rejected_request;

use super::connection::Connection;
use super::redecode::by_hand;
use super::writer::{insert_and_take_back, insert_making_partitions};
use super::{Database, InsertError, StoreError};

/// Which rejected callbacks to read; all that nothing here excludes.
#[derive(Clone, Debug, Default)]
pub struct RejectedFilter {
    /// Those with one of these ids; all, where there is none.
    pub ids: Vec<Uuid>,
    /// Those of this account.
    pub account: Option<AccountName>,
    /// Those of this kind.
    pub kind: Option<CallbackKind>,
    /// Those that arrived then or later.
    pub from: Option<OffsetDateTime>,
    /// Those that arrived earlier.
    pub to: Option<OffsetDateTime>,
    /// Those that have been replayed, too.
    pub replayed: bool,
}

/// A rejected callback as it is stored.
#[derive(Clone, Debug)]
pub struct StoredRejected {
    /// Time of reception.
    pub received_at: OffsetDateTime,
    /// Its id.
    pub id: Uuid,
    /// Its account.
    pub account: String,
    /// What it was meant to be.
    pub kind: String,
    /// Why it could not be.
    pub reason: String,
    /// The request: see [`rejected_request`].
    pub request: String,
    /// How it came.
    pub transport: String,
    /// Who sent it.
    pub remote_addr: String,
    /// When it was replayed.
    pub replayed_at: Option<OffsetDateTime>,
}

/// The stored rejected callbacks.
pub struct StoredRejections {
    database: Database,
    connection: Connection,
    filter: RejectedFilter,
    after: Option<EventKey>,
}

impl StoredRejections {
    /// The rejected callbacks of a database that this program knows all of.
    pub async fn open(database: Database, filter: RejectedFilter) -> Result<Self, StoreError> {
        let connection = by_hand(&database).await?;
        Ok(Self { database, connection, filter, after: None })
    }

    /// The next so many, in the order in which they arrived; none once there are no more.
    pub async fn next(&mut self, most: i64) -> Result<Vec<StoredRejected>, StoreError> {
        let filter = &self.filter;
        let rejected = sqlx::query_as!(
            StoredRejected,
            r#"
            select
                received_at,
                id,
                account,
                kind,
                reason,
                request::text as "request!",
                transport,
                host(remote_addr) as "remote_addr!",
                replayed_at
            from rejected_callbacks
            where ($1::timestamptz is null or (received_at, id) > ($1, $2))
            and ($3::timestamptz is null or received_at >= $3)
            and ($4::timestamptz is null or received_at < $4)
            and (cardinality($5::uuid[]) = 0 or id = any ($5))
            and ($6::text is null or account = $6)
            and ($7::text is null or kind = $7)
            and ($8 or replayed_at is null)
            order by received_at, id
            limit $9
            "#,
            self.after.map(|after| after.received_at),
            self.after.map(|after| after.id),
            filter.from,
            filter.to,
            &filter.ids,
            filter.account.as_ref().map(AccountName::as_str),
            filter.kind.map(CallbackKind::as_str),
            filter.replayed,
            most,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Correction)?;
        if let Some(last) = rejected.last() {
            self.after = Some(EventKey { received_at: last.received_at, id: last.id });
        }
        Ok(rejected)
    }

    /// Whether Postgres would take a rejected callback, which was read again as this. Leaves nothing
    /// behind.
    pub async fn try_out(&mut self, fact: Event) -> Result<(), InsertError> {
        insert_and_take_back(&mut self.connection, &[fact]).await.map_err(InsertError::from)
    }

    /// Makes a row of a rejected callback, which was read again as this, and marks it replayed, in one
    /// transaction. A row that is there already, by its key, stays.
    pub async fn replay(&mut self, fact: Event) -> Result<(), InsertError> {
        let EventKey { received_at, id } = fact.reception().key;
        let mut transaction = self.connection.begin().await?;
        insert_making_partitions(&mut transaction, &self.database, &[fact]).await?;
        sqlx::query!(
            r#"
            update rejected_callbacks
            set replayed_at = now()
            where received_at = $1
            and id = $2
            and replayed_at is null
            "#,
            received_at,
            id,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Inserts the callbacks in one statement. A row that is there already, by its key, stays.
pub(super) async fn insert(
    connection: &mut PgConnection,
    callbacks: &[&RejectedCallback],
) -> Result<(), sqlx::Error> {
    macro_rules! column {
        (|$callback:ident| $value:expr) => {
            &callbacks.iter().map(|$callback| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        r#"
        insert into rejected_callbacks (
            received_at, id, account, kind, reason, request, transport, remote_addr
        )
        select received_at, id, account, kind, reason, request::jsonb, transport, remote_addr
        from unnest(
            $1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::inet[]
        ) as batch (received_at, id, account, kind, reason, request, transport, remote_addr)
        on conflict do nothing
        "#,
        column!(|c| c.reception.key.received_at),
        column!(|c| c.reception.key.id),
        column!(|c| c.reception.account.as_str()) as &[&str],
        column!(|c| c.kind.as_str()) as &[&str],
        column!(|c| c.reason.as_str()) as &[&str],
        column!(|c| rejected_request::to_json(c)),
        column!(|c| c.reception.source.transport.as_str()) as &[&str],
        column!(|c| c.reception.source.remote_addr) as &[IpAddr],
    )
    .execute(connection)
    .await
    .map(drop)
}
