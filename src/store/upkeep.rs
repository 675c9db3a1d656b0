//! What the service does to its tables beside inserting, now and then, while callbacks come in.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error_chain::Chain;
use crate::log_once::LogOnce;
use crate::metrics::Purpose;

use super::indexes::{self, Turn};
use super::retention::{self, Retention};
use super::{Database, StoreError};

/// How often it is looked whether something is due.
const INTERVAL: Duration = Duration::from_hours(1);

/// When what could not be done is tried again.
const RETRY: Duration = Duration::from_mins(1);

/// What is done beside keeping partitions ready.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// How long rows are kept.
    pub retention: Retention,
    /// How long dropping a partition may wait for its table, and callbacks behind it: far below the
    /// time that Postgres has to commit them.
    pub lock_patience: Duration,
}

/// Looks after a database whose schema is prepared, at once and then every hour, until `stop`. Indexes
/// are built beside the rest, as that may take hours.
pub async fn keep(database: Database, upkeep: Upkeep, stop: CancellationToken) {
    tokio::join!(
        repeat(&stop, || run_once(&database, &upkeep)),
        repeat(&stop, || indexes::complete(&database, Turn::Yield)),
    );
}

/// Makes the partitions that are due, and drops those that are old.
pub async fn run_once(database: &Database, upkeep: &Upkeep) -> Result<(), StoreError> {
    let mut connection = database.connect(Purpose::Upkeep).await?;
    database.make_partitions(&mut connection).await?;
    retention::apply(&mut connection, &upkeep.retention, upkeep.lock_patience).await
}

async fn repeat<F: Future<Output = Result<(), StoreError>>>(
    stop: &CancellationToken,
    look_after: impl Fn() -> F,
) {
    let failure = LogOnce::default();
    while let Some(outcome) = stop.run_until_cancelled(Box::pin(look_after())).await {
        let pause = match outcome {
            Ok(()) => {
                failure.end();
                INTERVAL
            }
            Err(error) => {
                if failure.begin() {
                    tracing::warn!(error = %Chain(&error), "could not look after the tables; it is tried again every minute");
                }
                RETRY
            }
        };
        if timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}
