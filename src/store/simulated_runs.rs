//! Removes the rows of a simulated run, which have its name in the parameter `simulate`.

use sqlx::Connection as _;

use super::redecode::by_hand;
use super::{Database, StoreError};

/// How many rows of a run each table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedRun {
    pub delivery_reports: i64,
    pub inbound_messages: i64,
    pub rejected_callbacks: i64,
}

impl SimulatedRun {
    /// Counts the rows of a run. Requires a schema of exactly this program's version, as
    /// [`remove`](Self::remove) does.
    pub async fn count(database: &Database, run: &str) -> Result<Self, StoreError> {
        let mut connection = by_hand(database).await?;
        let counted = sqlx::query_as!(
            Self,
            r#"
            select
                (
                    select count(*) from delivery_reports
                    where starts_with(extra ->> 'simulate', $1)
                ) as "delivery_reports!",
                (
                    select count(*) from inbound_messages
                    where starts_with(extra ->> 'simulate', $1)
                ) as "inbound_messages!",
                (
                    select count(*) from rejected_callbacks
                    where position('simulate=' || $1 in request ->> 'parameters') > 0
                ) as "rejected_callbacks!"
            "#,
            prefix(run),
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::Reading)?;
        connection.close().await;
        Ok(counted)
    }

    /// Removes the rows of a run from all three tables, or from none; returns how many there were.
    pub async fn remove(database: &Database, run: &str) -> Result<Self, StoreError> {
        let mut connection = by_hand(database).await?;
        let mut transaction = connection.begin().await.map_err(StoreError::Correction)?;
        let removed = sqlx::query_as!(
            Self,
            r#"
            with reports as (
                delete from delivery_reports
                where starts_with(extra ->> 'simulate', $1)
                returning 1
            ),
            messages as (
                delete from inbound_messages
                where starts_with(extra ->> 'simulate', $1)
                returning 1
            ),
            rejected as (
                delete from rejected_callbacks
                where position('simulate=' || $1 in request ->> 'parameters') > 0
                returning 1
            )
            select
                (select count(*) from reports) as "delivery_reports!",
                (select count(*) from messages) as "inbound_messages!",
                (select count(*) from rejected) as "rejected_callbacks!"
            "#,
            prefix(run),
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(StoreError::Correction)?;
        transaction.commit().await.map_err(StoreError::Correction)?;
        connection.close().await;
        Ok(removed)
    }
}

/// What the parameter of each callback of a run begins with.
fn prefix(run: &str) -> String {
    format!("{run}-")
}
