//! Reading the rows of a simulated run, which carry its name in a parameter that no document names.

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::domain::EventKey;
use crate::metrics::Purpose;

use super::connection::Connection;
use super::timeouts::Timeouts;
use super::{Database, StoreError};

/// After all times that a callback can have.
const END: OffsetDateTime = datetime!(9999-01-01 0:00 UTC);

/// A delivery report as it is stored.
#[derive(Clone, Debug)]
pub struct SimulatedReport {
    received_at: OffsetDateTime,
    id: Uuid,
    /// Its `mess_id`.
    pub mess_id: String,
    /// Its number.
    pub number: String,
    /// Its status.
    pub status: String,
    /// Its other parameters, as JSON.
    pub extra: String,
}

/// An inbound message as it is stored.
#[derive(Clone, Debug)]
pub struct SimulatedMessage {
    received_at: OffsetDateTime,
    id: Uuid,
    /// Who sent it.
    pub org: String,
    /// The long number.
    pub dest: String,
    /// Its data coding scheme.
    pub dcs: Option<String>,
    /// Its text.
    pub message: String,
    /// Its bytes.
    pub message_raw: Vec<u8>,
    /// Its other parameters, as JSON.
    pub extra: String,
}

/// The rows of a run, each read once, in the order in which they arrived.
pub struct SimulatedRows {
    connection: Connection,
    prefix: String,
    reports: EventKey,
    messages: EventKey,
}

impl SimulatedRows {
    /// The rows that have arrived since then and whose parameter `simulate` begins so. Needs no right
    /// but to read both tables.
    pub async fn open(
        database: &Database,
        since: OffsetDateTime,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let mut connection = database.connect(Purpose::Upkeep).await?;
        Timeouts::BY_HAND.set(&mut connection).await.map_err(StoreError::Connect)?;
        let begin = EventKey { received_at: since, id: Uuid::nil() };
        let prefix = prefix.to_owned();
        Ok(Self { connection, prefix, reports: begin, messages: begin })
    }

    /// The next so many reports; none once there are no more.
    pub async fn next_reports(&mut self, most: i64) -> Result<Vec<SimulatedReport>, StoreError> {
        let rows = sqlx::query_as!(
            SimulatedReport,
            r#"
            select received_at, id, mess_id, number, status, extra::text as "extra!"
            from delivery_reports
            where received_at >= $1
            and received_at < $3
            and (received_at, id) > ($1, $2)
            and starts_with(extra ->> 'simulate', $4)
            order by received_at, id
            limit $5
            "#,
            self.reports.received_at,
            self.reports.id,
            END,
            self.prefix,
            most,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)?;
        if let Some(last) = rows.last() {
            self.reports = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(rows)
    }

    /// The next so many messages; none once there are no more.
    pub async fn next_messages(&mut self, most: i64) -> Result<Vec<SimulatedMessage>, StoreError> {
        let rows = sqlx::query_as!(
            SimulatedMessage,
            r#"
            select
                received_at, id, org, dest, dcs, message, message_raw, extra::text as "extra!"
            from inbound_messages
            where received_at >= $1
            and received_at < $3
            and (received_at, id) > ($1, $2)
            and starts_with(extra ->> 'simulate', $4)
            order by received_at, id
            limit $5
            "#,
            self.messages.received_at,
            self.messages.id,
            END,
            self.prefix,
            most,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)?;
        if let Some(last) = rows.last() {
            self.messages = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(rows)
    }

    /// The first rows whole, whatever table they are in, as lines of JSON: a key a column. (An alias
    /// with a column's name would stand for the column.)
    pub async fn as_json(&mut self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar!(
            r#"
            select to_jsonb(reported)::text as "row!"
            from delivery_reports as reported
            where received_at >= $1
            and starts_with(extra ->> 'simulate', $2)
            union all
            select to_jsonb(inbound)::text
            from inbound_messages as inbound
            where received_at >= $1
            and starts_with(extra ->> 'simulate', $2)
            limit 10
            "#,
            self.reports.received_at,
            self.prefix,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)
    }

    /// Lets the connection go in order.
    pub async fn close(self) {
        self.connection.close().await;
    }
}
