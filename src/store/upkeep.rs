//! Periodic upkeep of the tables while callbacks arrive: partitions ahead, and retention.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::error_chain::Chain;
use crate::log_once::LogOnce;
use crate::metrics::Purpose;

use super::connection::Connection;
use super::retention::{self, Retention};
use super::{Database, StoreError};

/// How often upkeep runs.
const INTERVAL: Duration = Duration::from_hours(1);

/// How often states of the database that can undo a commit are looked for, and how soon upkeep runs again
/// after a failure.
const INSPECTION_INTERVAL: Duration = Duration::from_mins(1);

/// The options of upkeep; the database knows which partitions it needs.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    pub retention: Retention,
    /// How long dropping a partition may wait for the lock on its table. Callbacks queue behind the
    /// request for the lock, so this is far below their commit deadline.
    pub lock_patience: Duration,
}

/// Runs upkeep of a prepared database at once and then every hour, until `stop`. Looks for states that can
/// undo a commit every minute.
pub async fn keep(database: Database, upkeep: Upkeep, stop: CancellationToken) {
    let failure = LogOnce::default();
    let mut due = Instant::now();
    loop {
        let is_due = Instant::now() >= due;
        let work = async {
            if is_due {
                run_once(&database, &upkeep).await
            } else {
                inspect(&database).await.map(drop)
            }
        };
        match stop.run_until_cancelled(Box::pin(work)).await {
            None => return,
            Some(Ok(())) => {
                failure.end();
                if is_due {
                    due = Instant::now() + INTERVAL;
                }
            }
            Some(Err(error)) => {
                if failure.begin() {
                    tracing::warn!(error = %Chain(&error), "upkeep of the tables failed; trying again every minute");
                }
                due = Instant::now();
            }
        }
        if timeout(INSPECTION_INTERVAL, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// Reports states that can undo a commit. Returns the connection.
async fn inspect(database: &Database) -> Result<Connection, StoreError> {
    let mut connection = database.connect(Purpose::Upkeep).await?;
    database.report_unsafe_states(&mut connection).await?;
    Ok(connection)
}

/// Reports states that can undo a commit, creates the partitions that are due and drops the expired ones.
pub async fn run_once(database: &Database, upkeep: &Upkeep) -> Result<(), StoreError> {
    let mut connection = inspect(database).await?;
    database.make_partitions(&mut connection).await?;
    retention::apply(&mut connection, &upkeep.retention, upkeep.lock_patience).await
}
