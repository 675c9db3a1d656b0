//! The schema's versions. Several replicas may migrate at once: an advisory lock lets one work and
//! the others find it done.

use sqlx::PgConnection;
use sqlx::migrate::{Migrate, Migration, Migrator};

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

/// The version of the first migration that was not applied as it is here, if there is one.
pub(super) async fn missing(connection: &mut PgConnection) -> Result<Option<i64>, StoreError> {
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
    let is_applied = |migration: &Migration| {
        applied
            .iter()
            .any(|done| done.version == migration.version && done.checksum == migration.checksum)
    };
    let first = migrator().iter().find(|migration| !is_applied(migration)).map(|m| m.version);
    Ok(first)
}
