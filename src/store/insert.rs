//! Inserts the rows of a batch, one statement for each kind, and finds those that the database dropped.

use sqlx::{Connection as _, PgConnection};

use crate::domain::{Event, EventKey};
use crate::error_chain::Chain;

use super::error::is_partition_missing;
use super::{Database, InsertError, OnConflict};
use super::{delivery_reports, inbound_messages, rejected_inserts};

/// Commits all rows or none. Returns the keys of rows that the database dropped.
pub(super) async fn insert_rows(
    connection: &mut PgConnection,
    on_conflict: OnConflict,
    batch: &[Event],
) -> Result<Vec<EventKey>, sqlx::Error> {
    let first = batch.first().map(std::mem::discriminant);
    if batch.iter().all(|event| Some(std::mem::discriminant(event)) == first) {
        // A single statement is its own transaction, which saves two round trips in the common case.
        return insert_each_kind(connection, on_conflict, batch).await;
    }
    let mut transaction = connection.begin().await?;
    let dropped = insert_each_kind(&mut transaction, on_conflict, batch).await?;
    transaction.commit().await?;
    Ok(dropped)
}

/// Inserts rows that may be there already, within the caller's transaction, and makes the partitions that
/// they lack. Returns the keys of rows that the database dropped.
pub(super) async fn insert_making_partitions(
    transaction: &mut PgConnection,
    database: &Database,
    rows: &[Event],
) -> Result<Vec<EventKey>, sqlx::Error> {
    let mut savepoint = transaction.begin().await?;
    match insert_each_kind(&mut savepoint, OnConflict::DoNothing, rows).await {
        Err(error) if lacks_partition(&error) => savepoint.rollback().await?,
        other => {
            let dropped = other?;
            savepoint.commit().await?;
            return Ok(dropped);
        }
    }
    if let Err(error) = database.make_partitions_for(transaction, rows).await {
        tracing::warn!(error = %Chain(&error), "no partition for a row's time");
    }
    insert_each_kind(transaction, OnConflict::DoNothing, rows).await
}

/// Inserts rows that may be there already, with every check of a commit, and rolls back. A single row that
/// only lacks a partition passes: the real insert makes the partition.
pub(super) async fn insert_and_roll_back(
    connection: &mut PgConnection,
    rows: &[Event],
) -> Result<(), InsertError> {
    let mut transaction = connection.begin().await?;
    match insert_each_kind(&mut transaction, OnConflict::DoNothing, rows).await {
        Err(error) if lacks_partition(&error) && rows.len() == 1 => {}
        inserted => {
            if !inserted?.is_empty() {
                transaction.rollback().await?;
                return Err(InsertError::Dropped);
            }
            sqlx::query!("set constraints all immediate").execute(&mut *transaction).await?;
        }
    }
    Ok(transaction.rollback().await?)
}

/// Inserts rows that are not there, and rolls back.
pub(super) async fn rolled_back(
    connection: &mut PgConnection,
    rows: &[Event],
) -> Result<Vec<EventKey>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let dropped = insert_each_kind(&mut transaction, OnConflict::Fail, rows).await?;
    transaction.rollback().await?;
    Ok(dropped)
}

pub(super) fn lacks_partition(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(is_partition_missing)
}

/// Inserts with one statement for each kind of event in the batch. Returns the keys of rows that are
/// neither new nor were there before.
async fn insert_each_kind(
    connection: &mut PgConnection,
    on_conflict: OnConflict,
    batch: &[Event],
) -> Result<Vec<EventKey>, sqlx::Error> {
    let (mut reports, mut messages, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for event in batch {
        match event {
            Event::DeliveryReport(report) => reports.push(report),
            Event::InboundMessage(message) => messages.push(message),
            Event::RejectedCallback(callback) => rejected.push(callback),
        }
    }
    let mut dropped = Vec::new();
    if !reports.is_empty() {
        let new = delivery_reports::insert(connection, on_conflict, &reports).await?;
        let keys = reports.iter().map(|report| report.reception.key);
        dropped.extend(missing(connection, "delivery_reports", keys, new).await?);
    }
    if !messages.is_empty() {
        let new = inbound_messages::insert(connection, on_conflict, &messages).await?;
        let keys = messages.iter().map(|message| message.reception.key);
        dropped.extend(missing(connection, "inbound_messages", keys, new).await?);
    }
    if !rejected.is_empty() {
        let new = rejected_inserts::insert(connection, &rejected).await?;
        let keys = rejected.iter().map(|callback| callback.reception.key);
        dropped.extend(missing(connection, "rejected_callbacks", keys, new).await?);
    }
    Ok(dropped)
}

/// Of the rows that were inserted just now, those that are not in the table. Looks only where fewer rows
/// are new than were sent.
async fn missing(
    connection: &mut PgConnection,
    table: &str,
    keys: impl ExactSizeIterator<Item = EventKey>,
    new: u64,
) -> Result<Vec<EventKey>, sqlx::Error> {
    if new >= keys.len() as u64 {
        return Ok(Vec::new());
    }
    let (times, ids): (Vec<_>, Vec<_>) = keys.map(|key| (key.received_at, key.id)).unzip();
    sqlx::query_as!(
        EventKey,
        r#"
        select received_at as "received_at!", id as "id!"
        from missing_callbacks($1, $2, $3)
        "#,
        table,
        &times,
        &ids,
    )
    .fetch_all(connection)
    .await
}
