//! A connection that events are written over.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;

use crate::domain::{Event, EventKey};
use crate::error_chain::Chain;
use crate::metrics::Purpose;

use super::connection::Connection;
use super::database::{CONNECT_TIMEOUT, bounded};
use super::insert::{insert_rows, lacks_partition, rolled_back};
use super::probe_events::probe_events;
use super::timeouts::Timeouts;
use super::{Database, InsertError, StoreError};

/// What happens to a row whose key is in its table already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// The batch fails: its events have never been sent to Postgres before.
    Fail,
    /// The row that is there stays: an earlier insert, whose end is not known, may have committed. The
    /// lookup costs Postgres about a tenth of the insert.
    DoNothing,
}

/// Writes batches of events, each in one transaction.
///
/// A connection in an unknown state, after an error or because a caller stopped waiting, is dropped;
/// [`Writer::connect`] makes a new one.
pub struct Writer {
    database: Database,
    purpose: Purpose,
    timeouts: Timeouts,
    connection: Option<Connection>,
    /// The backend of the last connection. It may still be running until a later connection has ended it.
    backend: Option<Backend>,
    prepared: bool,
}

/// A server process of Postgres.
struct Backend {
    id: i32,
    started: OffsetDateTime,
}

impl Writer {
    /// A writer that is not connected yet. Postgres ends a statement after `deadline`: a batch that nobody
    /// waits for any more must not keep waiting for a lock, and occupy a connection that the next batch
    /// needs.
    #[must_use]
    pub fn new(database: Database, purpose: Purpose, deadline: Duration) -> Self {
        let timeouts = Timeouts::ingest(deadline);
        Self { database, purpose, timeouts, connection: None, backend: None, prepared: false }
    }

    /// Connects, unless connected, and makes sure that rows can be inserted. The first time, and after
    /// they could not, it prepares the schema too. Cancel-safe.
    pub async fn connect(&mut self) -> Result<(), StoreError> {
        if self.connection.is_none() {
            let mut connection = self.database.connect(self.purpose).await?;
            if let Some(backend) = &self.backend {
                bounded(CONNECT_TIMEOUT, end_waiting_backend(&mut connection, backend)).await?;
            }
            self.backend = bounded(CONNECT_TIMEOUT, backend_of(&mut connection)).await?;
            if !self.prepared {
                self.database.prepare(&mut connection).await?;
                self.prepared = true;
            }
            let tried = bounded(CONNECT_TIMEOUT, async {
                self.timeouts.set(&mut connection).await.map_err(StoreError::Connect)?;
                try_rows(&mut connection, &self.database).await?;
                try_commit(&mut connection).await
            });
            // The database may have been recreated or restored meanwhile.
            tried.await.inspect_err(|_| self.prepared = false)?;
            self.database.report_unsafe_states(&mut connection).await?;
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// Commits the whole batch, durably, or nothing of it. Returns the keys of rows that are not there
    /// although Postgres reports success: a trigger or rule of the database dropped them.
    ///
    /// If the future is dropped, the batch may or may not have been committed; it can be inserted again
    /// with [`OnConflict::DoNothing`].
    pub async fn insert(
        &mut self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> Result<Vec<EventKey>, InsertError> {
        let mut connection = self.connection.take().ok_or(InsertError::NotConnected)?;
        let mut result = insert_rows(&mut connection, on_conflict, batch).await;
        if result.as_ref().is_err_and(lacks_partition) {
            let made = self.database.make_partitions_for(&mut connection, batch).await;
            if let Err(error) = made {
                tracing::warn!(error = %Chain(&error), "a row's partition can't be created");
            } else {
                result = insert_rows(&mut connection, on_conflict, batch).await;
            }
        }
        if result.as_ref().is_ok_and(|dropped| !dropped.is_empty()) {
            // Postgres does not plan a statement again that a rule had turned into nothing.
            connection.clear_cached_statements().await.map_err(InsertError::from)?;
        }
        let result = result.map_err(InsertError::from);
        if matches!(result, Ok(_) | Err(InsertError::Refused { .. })) {
            self.connection = Some(connection);
        }
        result
    }
}

/// Inserts a row of each kind and rolls back: a database that is read-only, or lacks a table or a
/// privilege, accepts connections and then fails every batch.
async fn try_rows(connection: &mut PgConnection, database: &Database) -> Result<(), StoreError> {
    let probes = probe_events();
    let mut result = rolled_back(connection, &probes).await;
    if result.as_ref().is_err_and(lacks_partition) {
        database.make_partitions_for(connection, &probes).await?;
        result = rolled_back(connection, &probes).await;
    }
    match result.map_err(InsertError::from) {
        // A user's constraint or trigger may refuse or drop the probe events and take other rows.
        Ok(_) | Err(InsertError::Refused { .. }) => Ok(()),
        Err(error) => Err(StoreError::NoRows(error)),
    }
}

/// Commits a message to the WAL: a commit may wait for a standby that is gone, and a rollback does not.
async fn try_commit(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select pg_logical_emit_message(true, 'routo-receiver', 'probe') is null as ok")
        .fetch_one(connection)
        .await
        .map(drop)
        .map_err(StoreError::Connect)
}

async fn backend_of(connection: &mut PgConnection) -> Result<Option<Backend>, StoreError> {
    sqlx::query!(
        r#"
        select pid as "id!", backend_start as "started!"
        from pg_stat_activity
        where pid = pg_backend_pid()
        "#
    )
    .fetch_optional(connection)
    .await
    .map(|row| row.map(|row| Backend { id: row.id, started: row.started }))
    .map_err(StoreError::Connect)
}

/// Ends a backend that waits for a standby after its connection was dropped. Neither the statement timeout
/// nor the lost connection ends such a wait, and the waiting backends would use up `max_connections`. A
/// backend that does not wait is left alone: a pooler may have assigned it to another client.
async fn end_waiting_backend(
    connection: &mut PgConnection,
    backend: &Backend,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where pid = $1
        and backend_start = $2
        and wait_event = 'SyncRep'
        ",
        backend.id,
        backend.started,
    )
    .fetch_optional(connection)
    .await
    .map(drop)
    .map_err(StoreError::Connect)
}
