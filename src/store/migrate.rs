//! The schema's versions. Several replicas may migrate at once: an advisory lock lets one work and
//! the others find it done.

use sqlx::PgConnection;
use sqlx::migrate::{Migrate, Migrator};

use super::StoreError;

/// The migrations of `migrations/`, compiled in.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    // A newer version of this program may have been here before: its tables are a superset of ours.
    migrator.set_ignore_missing(true);
    migrator
}

/// Applies what has not been applied.
pub(super) async fn run(connection: &mut PgConnection) -> Result<(), StoreError> {
    // `Migrator::run` does the same, but its future can't be sent between threads (sqlx 0.9).
    migrator().run_direct(None, connection, false).await.map_err(StoreError::Migrate)
}

/// Refuses a database that lacks a migration, without changing anything.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
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
    let missing = migrator()
        .iter()
        .map(|migration| migration.version)
        .find(|version| !applied.iter().any(|done| done.version == *version));
    match missing {
        Some(missing) => Err(StoreError::SchemaMissing { missing }),
        None => Ok(()),
    }
}
