//! Errors of the database, by what to do about them.

use std::time::Duration;

use sqlx::error::DatabaseError;

/// The database can't be opened, prepared or maintained.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a Postgres URL.
    #[error("database.url is not a Postgres URL (postgres://user:password@host:port/database)")]
    Url,
    #[error("can't connect to Postgres")]
    Connect(#[source] sqlx::Error),
    /// No answer to an attempt to connect or to a statement.
    #[error("Postgres did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// A trial insert failed.
    #[error("Postgres does not accept rows")]
    NoRows(#[source] InsertError),
    /// The encoding can't represent every text.
    #[error(
        "the database's encoding is {0}; create it with: create database ... encoding 'UTF8' template template0"
    )]
    NotUtf8(String),
    #[error("can't migrate the database schema")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The schema is older than this program, which may not migrate it.
    #[error(
        "the database lacks migration {missing}; run `routo-receiver migrate`, or set database.migrate_on_start = true"
    )]
    SchemaMissing {
        /// The first migration that was not applied.
        missing: i64,
    },
    #[error(
        "the database schema is at migration {database}, but this program knows those up to {program} only: a newer routo-receiver migrated it; use that version"
    )]
    SchemaNewer {
        /// The last migration that the database has.
        database: i64,
        /// The last migration that this program knows.
        program: i64,
    },
    /// The schema was created by migrations other than those of a released version.
    #[error(
        "migration {version} in the database is not this program's: an unreleased or modified routo-receiver created the database; dump its data and start with a new database, or use that program"
    )]
    MigrationAltered { version: i64 },
    /// A migration did not get a lock in time.
    #[error(
        "migration {version} can't be applied while other transactions use its tables: end the long ones (pg_stat_activity), and try again"
    )]
    MigrationBlocked { version: i64 },
    /// A command that a person runs failed to read or change rows.
    #[error("can't read or change the stored callbacks")]
    Correction(#[source] sqlx::Error),
    #[error("can't read the stored callbacks")]
    Reading(#[source] sqlx::Error),
    #[error("can't create partitions")]
    Partitions(#[source] sqlx::Error),
    #[error("can't delete rows older than retention.* allows")]
    Retention(#[source] sqlx::Error),
    /// A partition was not dropped, because callbacks would wait for the lock.
    #[error(
        "expired partitions of {table} can't be dropped while another transaction uses the table: {}",
        holder.as_deref().unwrap_or("one that has since ended, or a prepared one (pg_prepared_xacts)")
    )]
    PartitionInUse {
        table: &'static str,
        /// The transaction that has used the table for longest, in words, if it is still there.
        holder: Option<String>,
    },
}

/// A batch was not inserted; none of its rows was.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// Postgres refuses a row of this batch, and would take the batch without it.
    #[error("Postgres refused a row ({sqlstate}): {message}")]
    Refused {
        /// The error's code (Postgres documentation, appendix A).
        sqlstate: String,
        /// Postgres' own text. It may quote the row, so it goes to `rejected_callbacks` and never to a log.
        message: String,
    },
    /// Postgres can't take any row just now. Its text is left out: it may quote the row, where a user's
    /// trigger raised the error.
    #[error("Postgres did not accept the batch (SQLSTATE {sqlstate})")]
    Failed {
        /// The error's code (Postgres documentation, appendix A).
        sqlstate: String,
    },
    /// Postgres can't be reached. The batch may have been committed.
    #[error("Postgres can't be reached")]
    Unavailable(#[source] sqlx::Error),
    /// The deadline passed. The batch may have been committed.
    #[error("Postgres did not commit within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("there is no connection to Postgres")]
    NotConnected,
}

impl From<sqlx::Error> for InsertError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) if is_refusal(&*refusal) => Self::Refused {
                sqlstate: sqlstate(&*refusal),
                message: refusal.message().to_owned(),
            },
            sqlx::Error::Database(failure) => Self::Failed { sqlstate: sqlstate(&*failure) },
            other => Self::Unavailable(other),
        }
    }
}

fn sqlstate(error: &dyn DatabaseError) -> String {
    error.code().expect("Postgres sends a code with every error").into_owned()
}

/// Whether Postgres refuses a row, and would take others.
pub(super) fn is_refusal(error: &dyn DatabaseError) -> bool {
    is_about_a_row(error.code().as_deref()) && !is_partition_missing(error)
}

/// Class 22 is a data exception, 23 a violated constraint, 54 a value too large for an index or a row, P0
/// an error raised by a user's trigger. All others are about the server: its disk is full, it shuts down,
/// it is read-only, our tables are missing.
fn is_about_a_row(sqlstate: Option<&str>) -> bool {
    sqlstate
        .is_some_and(|code| ["22", "23", "54", "P0"].iter().any(|class| code.starts_with(class)))
}

/// Whether a lock was not granted in time.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("55P03")
}

/// Whether no partition covers a row's time. Postgres reports that as a violated check (23514) without the
/// name of a constraint; every other violated check has one.
pub(super) fn is_partition_missing(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("23514") && error.constraint().is_none()
}
