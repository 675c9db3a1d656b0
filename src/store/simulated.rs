//! Reads the rows of a simulated run, which have its name in the parameter `simulate`.

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::domain::EventKey;
use crate::metrics::Purpose;

use super::connection::Connection;
use super::timeouts::Timeouts;
use super::{Database, StoreError};

/// After any time that a callback can have.
const END: OffsetDateTime = datetime!(9999-01-01 0:00 UTC);

/// Columns of a delivery report; `extra` as JSON.
#[derive(Clone, Debug)]
pub struct SimulatedReport {
    received_at: OffsetDateTime,
    id: Uuid,
    pub mess_id: String,
    pub number: String,
    pub status: String,
    pub extra: String,
}

/// Columns of an inbound message; `extra` as JSON.
#[derive(Clone, Debug)]
pub struct SimulatedMessage {
    received_at: OffsetDateTime,
    id: Uuid,
    pub org: String,
    pub dest: String,
    pub dcs: Option<String>,
    pub message: String,
    pub message_raw: Vec<u8>,
    pub extra: String,
}

/// A rejected callback; `parameters` as a form.
#[derive(Clone, Debug)]
pub struct SimulatedRejected {
    received_at: OffsetDateTime,
    id: Uuid,
    pub parameters: String,
}

/// The rows of a run, each read once, in the order of their arrival.
pub struct SimulatedRows {
    connection: Connection,
    prefix: String,
    reports: EventKey,
    messages: EventKey,
    rejected: EventKey,
}

impl SimulatedRows {
    /// The rows that have arrived since then and whose parameter `simulate` starts with `prefix`. Needs
    /// only the privilege to read the three tables.
    pub async fn open(
        database: &Database,
        since: OffsetDateTime,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let mut connection = database.connect(Purpose::Upkeep).await?;
        Timeouts::BY_HAND.set(&mut connection).await.map_err(StoreError::Connect)?;
        let begin = EventKey { received_at: since, id: Uuid::nil() };
        let prefix = prefix.to_owned();
        Ok(Self { connection, prefix, reports: begin, messages: begin, rejected: begin })
    }

    /// The next reports, `limit` at most; empty at the end.
    pub async fn next_reports(&mut self, limit: i64) -> Result<Vec<SimulatedReport>, StoreError> {
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
            limit,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)?;
        if let Some(last) = rows.last() {
            self.reports = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(rows)
    }

    /// The next messages, `limit` at most; empty at the end.
    pub async fn next_messages(&mut self, limit: i64) -> Result<Vec<SimulatedMessage>, StoreError> {
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
            limit,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)?;
        if let Some(last) = rows.last() {
            self.messages = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(rows)
    }

    /// The next callbacks that were rejected and not replayed, `limit` at most; empty at the end.
    pub async fn next_rejected(
        &mut self,
        limit: i64,
    ) -> Result<Vec<SimulatedRejected>, StoreError> {
        let rows = sqlx::query_as!(
            SimulatedRejected,
            r#"
            select received_at, id, request ->> 'parameters' as "parameters!"
            from rejected_callbacks
            where received_at >= $1
            and received_at < $3
            and (received_at, id) > ($1, $2)
            and position('simulate=' || $4 in request ->> 'parameters') > 0
            and replayed_at is null
            order by received_at, id
            limit $5
            "#,
            self.rejected.received_at,
            self.rejected.id,
            END,
            self.prefix,
            limit,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Reading)?;
        if let Some(last) = rows.last() {
            self.rejected = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(rows)
    }

    /// The first 10 rows of both tables with all columns, as lines of JSON. (A table alias must not be the
    /// name of a column: it would mean the column.)
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

    /// Closes the connection in order.
    pub async fn close(self) {
        self.connection.close().await;
    }
}
