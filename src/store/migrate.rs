//! The schema's versions: what the database has, beside what this program knows, and applying what is
//! missing. Several replicas may migrate at once: an advisory lock lets one work and the others find
//! it done.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use tokio::time::sleep;

use super::StoreError;
use super::error::is_lock_timeout;
use super::timeouts::Timeouts;

/// How often a migration that waits for a lock is tried.
const ATTEMPTS: u32 = 30;

/// How long callbacks of other replicas have the tables for themselves in between.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to wait before asking again for another replica's turn to end.
const TURN_PAUSE: Duration = Duration::from_millis(100);

/// The migrations of `migrations/`, compiled in.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    // A newer version of this program may have been here before: its tables are a superset of ours.
    migrator.set_ignore_missing(true);
    migrator.set_locking(false);
    migrator
}

/// How the database's schema differs from the one that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schema {
    /// The first migration that was not applied.
    pub(super) missing: Option<i64>,
    /// The first migration that was applied as something else.
    pub(super) altered: Option<i64>,
    /// The last migration that was applied, if this program does not know it.
    newer: Option<i64>,
}

impl Schema {
    /// Refuses a schema that this program does not know all of.
    pub(super) fn ensure_not_newer(&self) -> Result<(), StoreError> {
        match self.newer {
            Some(database) => Err(StoreError::SchemaNewer { database, program: newest() }),
            None => Ok(()),
        }
    }
}

fn newest() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Compares the database's schema with the one that this program knows.
pub(super) async fn look(connection: &mut PgConnection) -> Result<Schema, StoreError> {
    const TABLE: &str = "_sqlx_migrations";
    let exists = sqlx::query_scalar!("select to_regclass($1) is not null", TABLE)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::Connect)?;
    let applied = if exists == Some(true) {
        connection.list_applied_migrations(TABLE).await.map_err(StoreError::Migrate)?
    } else {
        Vec::new()
    };
    let migrator = migrator();
    let of = |migration: &Migration| applied.iter().find(|done| done.version == migration.version);
    let first = |wanted: &dyn Fn(&Migration) -> bool| {
        migrator.iter().find(|migration| wanted(migration)).map(|migration| migration.version)
    };
    Ok(Schema {
        missing: first(&|migration| of(migration).is_none()),
        altered: first(&|migration| {
            of(migration).is_some_and(|done| done.checksum != migration.checksum)
        }),
        newer: applied
            .iter()
            .map(|done| done.version)
            .filter(|version| !migrator.version_exists(*version))
            .max(),
    })
}

/// Applies what has not been applied.
pub(super) async fn run(connection: &mut PgConnection) -> Result<(), StoreError> {
    Timeouts::MIGRATION.set(connection).await.map_err(StoreError::Connect)?;
    take_turn(connection).await?;
    let applied = apply(connection).await;
    let unlocked = connection.unlock().await.map_err(StoreError::Migrate);
    applied.and(unlocked)?;
    Timeouts::UPKEEP.set(connection).await.map_err(StoreError::Connect)
}

/// Returns once no other replica migrates. It asks again and again: a statement that waits has a
/// snapshot, which an index that is built concurrently would wait for, and the migration for that.
async fn take_turn(connection: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        match connection.lock().await {
            Err(MigrateError::Execute(error)) if is_lock_timeout(&error) => sleep(TURN_PAUSE).await,
            other => return other.map_err(StoreError::Migrate),
        }
    }
}

async fn apply(connection: &mut PgConnection) -> Result<(), StoreError> {
    let migrator = migrator();
    let mut attempt = 1;
    loop {
        // `Migrator::run` does the same, but its future can't be sent between threads (sqlx 0.9).
        match migrator.run_direct(None, connection, false).await {
            Err(MigrateError::ExecuteMigration(error, version)) if is_lock_timeout(&error) => {
                if attempt == ATTEMPTS {
                    return Err(StoreError::MigrationBlocked { version });
                }
                if attempt == 1 {
                    tracing::info!(
                        version,
                        "a migration waits for transactions that use its tables"
                    );
                }
                attempt += 1;
                sleep(PAUSE).await;
            }
            other => return other.map_err(StoreError::Migrate),
        }
    }
}
