//! Migrations: how the database's schema compares with this program's, and applying what is missing.
//!
//! Several replicas may migrate at once: an advisory lock lets one of them work, and the others find
//! the work done.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use tokio::time::sleep;

use super::StoreError;
use super::error::is_lock_timeout;
use super::timeouts::Timeouts;

/// sqlx's table of the migrations that were applied.
const TABLE: &str = "_sqlx_migrations";

/// How often a migration that waits for a table lock is tried.
const ATTEMPTS: u32 = 30;

/// Between two attempts, callbacks of other replicas have the tables to themselves.
const PAUSE: Duration = Duration::from_secs(1);

/// How soon to ask again whether another replica has finished migrating.
const TURN_PAUSE: Duration = Duration::from_millis(100);

/// The differences between the database's schema and this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schema {
    /// The first migration that is not applied.
    pub(super) missing: Option<i64>,
    /// The first migration that was applied with other statements than this program's.
    pub(super) altered: Option<i64>,
    /// The last applied migration, if this program does not know it.
    newer: Option<i64>,
}

impl Schema {
    pub(super) fn ensure_not_newer(&self) -> Result<(), StoreError> {
        match self.newer {
            Some(database) => Err(StoreError::SchemaNewer { database, program: newest() }),
            None => Ok(()),
        }
    }
}

/// Compares the database's schema with this program's.
pub(super) async fn inspect(connection: &mut PgConnection) -> Result<Schema, StoreError> {
    let exists = sqlx::query_scalar!(r#"select to_regclass($1) is not null as "exists!""#, TABLE)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::Connect)?;
    let applied = if exists {
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

/// Applies the missing migrations.
pub(super) async fn run(connection: &mut PgConnection) -> Result<(), StoreError> {
    Timeouts::MIGRATION.set(connection).await.map_err(StoreError::Connect)?;
    take_turn(connection).await?;
    let applied = apply(connection).await;
    let unlocked = connection.unlock().await.map_err(StoreError::Migrate);
    applied.and(unlocked)?;
    Timeouts::UPKEEP.set(connection).await.map_err(StoreError::Connect)
}

/// The migrations of `migrations/`, compiled in.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    // A newer version of this program may have migrated the database: its tables are a superset.
    migrator.set_ignore_missing(true);
    migrator.set_locking(false);
    migrator
}

fn newest() -> i64 {
    migrator()
        .iter()
        .map(|migration| migration.version)
        .max()
        .expect("this program is compiled with its migrations")
}

/// Returns once no other replica migrates. Polls: a statement that waited for the lock would hold a
/// snapshot, which a user's `create index concurrently` would wait for, and the other replica's
/// migration for that.
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
                        "a migration is waiting for transactions that use its tables"
                    );
                }
                attempt += 1;
                sleep(PAUSE).await;
            }
            other => return other.map_err(StoreError::Migrate),
        }
    }
}
