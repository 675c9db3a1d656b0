//! Stored rejected callbacks: reads them, and makes rows of them after all.

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccountName, CallbackKind, Event, EventKey};

use super::connection::Connection;
use super::insert::{insert_and_roll_back, insert_making_partitions};
use super::redecode::{ALWAYS, by_hand};
use super::{Database, InsertError, Isolation, StoreError};

/// Which rejected callbacks to read: those that meet every condition.
#[derive(Clone, Debug, Default)]
pub struct RejectedFilter {
    /// Empty for any id.
    pub ids: Vec<Uuid>,
    pub account: Option<AccountName>,
    pub kind: Option<CallbackKind>,
    /// Inclusive.
    pub from: Option<OffsetDateTime>,
    /// Exclusive.
    pub to: Option<OffsetDateTime>,
    /// Include those that have been replayed.
    pub replayed: bool,
}

/// A row of `rejected_callbacks`.
#[derive(Clone, Debug)]
pub struct StoredRejected {
    pub received_at: OffsetDateTime,
    pub id: Uuid,
    pub account: String,
    pub kind: String,
    pub reason: String,
    /// The request: see [`rejected_request`](super::rejected_request).
    pub request: String,
    pub transport: String,
    pub remote_addr: String,
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
    /// Requires a schema of exactly this program's version.
    pub async fn open(database: Database, filter: RejectedFilter) -> Result<Self, StoreError> {
        let mut connection = by_hand(&database).await?;
        let strange = sqlx::query_scalar!(
            r#"
            select count(*) as "strange!"
            from rejected_callbacks
            where received_at < $1
            or received_at >= $2
            "#,
            ALWAYS.0,
            ALWAYS.1,
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::Correction)?;
        if strange > 0 {
            tracing::warn!(
                callbacks = strange,
                "rejected callbacks are left out, as their received_at is no time at which one can have arrived: somebody has changed it"
            );
        }
        Ok(Self { database, connection, filter, after: None })
    }

    /// The next rejected callbacks in the order of their arrival, `limit` at most; empty at the end.
    pub async fn next(&mut self, limit: i64) -> Result<Vec<StoredRejected>, StoreError> {
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
                case when replayed_at is not null
                    then least(greatest(replayed_at, $10), $11) end as replayed_at
            from rejected_callbacks
            where received_at >= $10
            and received_at < $11
            and ($1::timestamptz is null or (received_at, id) > ($1, $2))
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
            limit,
            ALWAYS.0,
            ALWAYS.1,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Correction)?;
        if let Some(last) = rejected.last() {
            self.after = Some(EventKey { received_at: last.received_at, id: last.id });
        }
        Ok(rejected)
    }

    /// Stores the events that rejected callbacks were read as, and marks these as replayed, without
    /// `write` only as a trial that leaves nothing behind. Returns the events that Postgres refuses.
    pub async fn replay(
        &mut self,
        events: &[Event],
        write: bool,
    ) -> Result<Vec<(EventKey, InsertError)>, InsertError> {
        let mut refused = Vec::new();
        let mut isolation = Isolation::of(events);
        while let Some(part) = isolation.part() {
            let replayed = if write {
                self.replay_all(part).await
            } else {
                insert_and_roll_back(&mut self.connection, part).await
            };
            match (replayed, part) {
                (Ok(()), _) => {}
                (Err(error), [event]) if may_be_about_a_row(&error) => {
                    refused.push((event.reception().key, error));
                }
                (Err(error), _) if may_be_about_a_row(&error) && isolation.halve() => continue,
                (Err(error), _) => return Err(error),
            }
            isolation.advance();
        }
        Ok(refused)
    }

    /// Stores all of these events and marks their rejected callbacks, in one transaction, or none.
    async fn replay_all(&mut self, events: &[Event]) -> Result<(), InsertError> {
        let mut transaction = self.connection.begin().await?;
        let dropped = insert_making_partitions(&mut transaction, &self.database, events).await?;
        if !dropped.is_empty() {
            transaction.rollback().await?;
            return Err(InsertError::Dropped);
        }
        mark_replayed(&mut transaction, events).await?;
        Ok(transaction.commit().await?)
    }
}

/// A failure may be about every row, or about one: a user's trigger can raise any error.
fn may_be_about_a_row(error: &InsertError) -> bool {
    matches!(error, InsertError::Refused { .. } | InsertError::Failed { .. } | InsertError::Dropped)
}

async fn mark_replayed(
    transaction: &mut PgConnection,
    events: &[Event],
) -> Result<(), sqlx::Error> {
    let keys = || events.iter().map(|event| event.reception().key);
    sqlx::query!(
        r#"
        update rejected_callbacks as stored
        set replayed_at = now()
        from unnest($1::timestamptz[], $2::uuid[]) as replayed (received_at, id)
        where stored.received_at = replayed.received_at
        and stored.id = replayed.id
        and stored.replayed_at is null
        "#,
        &keys().map(|key| key.received_at).collect::<Vec<_>>(),
        &keys().map(|key| key.id).collect::<Vec<_>>(),
    )
    .execute(transaction)
    .await
    .map(drop)
}
