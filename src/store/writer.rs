//! The one connection that facts are written over.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;

use crate::domain::Event;
use crate::error_chain::Chain;
use crate::metrics::Purpose;

use super::connection::Connection;
use super::database::{CONNECT_TIMEOUT, bounded};
use super::error::is_partition_missing;
use super::samples::samples;
use super::timeouts::Timeouts;
use super::{Database, InsertError, StoreError};
use super::{delivery_reports, inbound_messages, rejected_callbacks};

/// Whether a batch can be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// No: its facts have never been sent to Postgres.
    First,
    /// They may be, from an attempt of which the end is not known. To look for them takes Postgres
    /// about a tenth of the time of an insert, which is why the first attempt does not.
    Again,
}

/// Writes batches of facts, each in one transaction.
///
/// Whenever its state is not known, because of an error or because a caller stopped waiting, the
/// connection is given up, and [`Writer::connect`] makes a new one.
pub struct Writer {
    database: Database,
    purpose: Purpose,
    timeouts: Timeouts,
    connection: Option<Connection>,
    /// The backend of the last connection, from which it is known that it ended only once another
    /// has said so.
    backend: Option<Backend>,
    prepared: bool,
}

/// A process of Postgres'.
struct Backend {
    id: i32,
    started: OffsetDateTime,
}

impl Writer {
    /// A writer that is not connected yet. Postgres itself ends a statement after `deadline`: a batch
    /// that nobody waits for any more must not go on waiting, for a lock say, and hold a connection
    /// that the next one needs.
    #[must_use]
    pub fn new(database: Database, purpose: Purpose, deadline: Duration) -> Self {
        let timeouts = Timeouts::ingest(deadline);
        Self { database, purpose, timeouts, connection: None, backend: None, prepared: false }
    }

    /// Connects, unless connected, and makes sure that rows are taken; the first time, and after rows
    /// were not taken, it prepares the schema too. Cancel-safe.
    pub async fn connect(&mut self) -> Result<(), StoreError> {
        if self.connection.is_none() {
            let mut connection = self.database.connect(self.purpose).await?;
            if let Some(backend) = &self.backend {
                bounded(CONNECT_TIMEOUT, end(&mut connection, backend)).await?;
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
            // It may be another database by now: one that was made anew, or restored.
            tried.await.inspect_err(|_| self.prepared = false)?;
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// Commits the whole batch, durably, or nothing of it. With [`Attempt::Again`], rows that are there
    /// already are left as they are.
    ///
    /// When the future is dropped before it is done, nothing is known of the batch; it can be
    /// inserted again.
    pub async fn insert(&mut self, attempt: Attempt, batch: &[Event]) -> Result<(), InsertError> {
        let mut connection = self.connection.take().ok_or(InsertError::NotConnected)?;
        let mut result = insert_rows(&mut connection, attempt, batch).await;
        if result.as_ref().is_err_and(lacks_partition) {
            let made = self.database.make_partitions_for(&mut connection, batch).await;
            if let Err(error) = made {
                tracing::warn!(error = %Chain(&error), "no partition for a row's time");
            } else {
                result = insert_rows(&mut connection, attempt, batch).await;
            }
        }
        let result = result.map_err(InsertError::from);
        if matches!(result, Ok(()) | Err(InsertError::Refused { .. })) {
            self.connection = Some(connection);
        }
        result
    }
}

/// Inserts a row of each kind and takes it back: a database that is read-only, or lacks a table or a
/// right, can be connected to, and would fail every batch.
async fn try_rows(connection: &mut PgConnection, database: &Database) -> Result<(), StoreError> {
    let samples = samples();
    let mut result = rolled_back(connection, &samples).await;
    if result.as_ref().is_err_and(lacks_partition) {
        database.make_partitions_for(connection, &samples).await?;
        result = rolled_back(connection, &samples).await;
    }
    match result.map_err(InsertError::from) {
        // What a constraint of the user's has against the samples says nothing of other rows.
        Ok(()) | Err(InsertError::Refused { .. }) => Ok(()),
        Err(error) => Err(StoreError::NoRows(error)),
    }
}

/// Inserts rows that may be there already, within a transaction of the caller's, and makes the
/// partitions that they lack.
pub(super) async fn insert_making_partitions(
    transaction: &mut PgConnection,
    database: &Database,
    rows: &[Event],
) -> Result<(), sqlx::Error> {
    let mut attempt = transaction.begin().await?;
    match insert_each_kind(&mut attempt, Attempt::Again, rows).await {
        Err(error) if lacks_partition(&error) => attempt.rollback().await?,
        other => {
            other?;
            return attempt.commit().await;
        }
    }
    if let Err(error) = database.make_partitions_for(transaction, rows).await {
        tracing::warn!(error = %Chain(&error), "no partition for a row's time");
    }
    insert_each_kind(transaction, Attempt::Again, rows).await
}

/// Inserts rows that may be there already, with every check that a commit would make, and takes them
/// back. A row that lacks a partition passes: it would get one.
pub(super) async fn insert_and_take_back(
    connection: &mut PgConnection,
    rows: &[Event],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    match insert_each_kind(&mut transaction, Attempt::Again, rows).await {
        Err(error) if lacks_partition(&error) => {}
        inserted => {
            inserted?;
            sqlx::query!("set constraints all immediate").execute(&mut *transaction).await?;
        }
    }
    transaction.rollback().await
}

/// Commits something that is no row: where commits wait for a standby that is gone, rows that are
/// taken back don't.
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

/// Ends a backend whose connection was given up while it waits for a standby: such a wait ends neither
/// with the statement's timeout nor with the connection, and one after the other would use up what
/// Postgres has. Any other is left alone; a pooler may have given it to somebody else by now.
async fn end(connection: &mut PgConnection, backend: &Backend) -> Result<(), StoreError> {
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

async fn rolled_back(connection: &mut PgConnection, rows: &[Event]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    insert_each_kind(&mut transaction, Attempt::First, rows).await?;
    transaction.rollback().await
}

fn lacks_partition(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(is_partition_missing)
}

async fn insert_rows(
    connection: &mut PgConnection,
    attempt: Attempt,
    batch: &[Event],
) -> Result<(), sqlx::Error> {
    let first = batch.first().map(std::mem::discriminant);
    if batch.iter().all(|event| Some(std::mem::discriminant(event)) == first) {
        // One statement is a transaction of its own: the common case saves two round trips.
        return insert_each_kind(connection, attempt, batch).await;
    }
    let mut transaction = connection.begin().await?;
    insert_each_kind(&mut transaction, attempt, batch).await?;
    transaction.commit().await
}

/// One statement for each kind that is there.
async fn insert_each_kind(
    connection: &mut PgConnection,
    attempt: Attempt,
    batch: &[Event],
) -> Result<(), sqlx::Error> {
    let (mut reports, mut messages, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for event in batch {
        match event {
            Event::DeliveryReport(report) => reports.push(report),
            Event::InboundMessage(message) => messages.push(message),
            Event::RejectedCallback(callback) => rejected.push(callback),
        }
    }
    if !reports.is_empty() {
        delivery_reports::insert(connection, attempt, &reports).await?;
    }
    if !messages.is_empty() {
        inbound_messages::insert(connection, attempt, &messages).await?;
    }
    if !rejected.is_empty() {
        rejected_callbacks::insert(connection, &rejected).await?;
    }
    Ok(())
}
