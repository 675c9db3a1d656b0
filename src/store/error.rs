//! What can go wrong with the database, sorted by what is to be done about it.

use std::time::Duration;

use sqlx::error::DatabaseError;

/// The database can't be opened, prepared or maintained.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is none.
    #[error("database.url is not a Postgres URL (postgres://user:password@host:port/database)")]
    Url,
    /// No connection.
    #[error("can't connect to Postgres")]
    Connect(#[source] sqlx::Error),
    /// No answer, to an attempt to connect or to a statement.
    #[error("Postgres did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It takes no rows.
    #[error("Postgres takes no rows")]
    NoRows(#[source] InsertError),
    /// The database can't hold every text.
    #[error(
        "the database's encoding is {0}; create it with: create database ... encoding 'UTF8' template template0"
    )]
    NotUtf8(String),
    /// A migration failed.
    #[error("can't bring the database's schema up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The schema is older than this program, and it may not change it.
    #[error(
        "the database lacks migration {missing}; run `routo-receiver migrate`, or set database.migrate_on_start = true"
    )]
    SchemaMissing {
        /// Version of the first migration that is not there.
        missing: i64,
    },
    /// The schema is newer than this program.
    #[error(
        "the database's schema is at migration {database}, this program knows those up to {program}: a newer routo-receiver has been here; use that one"
    )]
    SchemaNewer {
        /// The last migration that the database has.
        database: i64,
        /// The last that this program knows.
        program: i64,
    },
    /// The schema was created by migrations other than those of a released version.
    #[error(
        "migration {version} in the database is not this program's: an unreleased or modified routo-receiver created the database; dump its data and start with a new database, or use that program"
    )]
    MigrationAltered {
        /// The first migration with another checksum in `_sqlx_migrations`.
        version: i64,
    },
    /// A migration waited in vain for a lock.
    #[error(
        "migration {version} can't be applied while other transactions use its tables: end those that last long (pg_stat_activity), and try again"
    )]
    MigrationBlocked {
        /// The migration.
        version: i64,
    },
    /// Rows that a person's command is about could not be read or changed.
    #[error("can't read or change the stored callbacks")]
    Correction(#[source] sqlx::Error),
    /// Stored callbacks could not be read.
    #[error("can't read the stored callbacks")]
    Reading(#[source] sqlx::Error),
    /// A partition could not be made.
    #[error("can't make partitions")]
    Partitions(#[source] sqlx::Error),
    /// Something that is older than the configuration says could not be dropped.
    #[error("can't drop what is older than retention.* says")]
    Retention(#[source] sqlx::Error),
    /// A partition was not dropped, so that callbacks need not wait.
    #[error(
        "expired partitions of {table} can't be dropped while another transaction uses the table: {}",
        holder.as_deref().unwrap_or("one that has ended since, or a prepared one (pg_prepared_xacts)")
    )]
    PartitionInUse {
        table: &'static str,
        /// The process that has used the table for longest, if it is still there.
        holder: Option<String>,
    },
}

/// A batch was not inserted; none of its rows was.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// Postgres works, but refuses a row of this batch; the others would do without it.
    #[error("Postgres refused a row ({sqlstate}): {message}")]
    Refused {
        /// The error's code (Postgres documentation, appendix A).
        sqlstate: String,
        /// Postgres' own words. They may quote the row: for `rejected_callbacks`, not for a log.
        message: String,
    },
    /// Postgres said that it can't take anything just now. Its words are left out: a user's trigger
    /// may quote the row in them.
    #[error("Postgres can't take the batch (SQLSTATE {sqlstate})")]
    Failed {
        /// The error's code (Postgres documentation, appendix A).
        sqlstate: String,
    },
    /// Postgres could not be reached. Whether the batch was committed is not known.
    #[error("Postgres can't be reached")]
    Unavailable(#[source] sqlx::Error),
    /// The deadline passed. Whether the batch was committed is not known.
    #[error("Postgres did not commit within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// There is no connection, and none could be made.
    #[error("there is no connection to Postgres")]
    NotConnected,
}

impl From<sqlx::Error> for InsertError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) if is_refusal(&*refusal) => Self::Refused {
                sqlstate: refusal.code().unwrap_or_default().into_owned(),
                message: refusal.message().to_owned(),
            },
            sqlx::Error::Database(failure) => {
                Self::Failed { sqlstate: failure.code().unwrap_or_default().into_owned() }
            }
            other => Self::Unavailable(other),
        }
    }
}

/// Whether Postgres refuses a row, and would take others.
pub(super) fn is_refusal(error: &dyn DatabaseError) -> bool {
    is_about_a_row(error.code().as_deref()) && !is_partition_missing(error)
}

/// Class 22 is a data exception, 23 a violated constraint, 54 a value too large for an index or a
/// row, P0 what a trigger of the user's raises. Everything else is about the server: full, shutting down, read-only, without our tables.
fn is_about_a_row(sqlstate: Option<&str>) -> bool {
    sqlstate
        .is_some_and(|code| ["22", "23", "54", "P0"].iter().any(|class| code.starts_with(class)))
}

/// Whether a lock was waited for in vain.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("55P03")
}

/// Whether the error says that no partition covers a row's time: a violated check (23514) that, for
/// all others, names its constraint.
pub(super) fn is_partition_missing(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("23514") && error.constraint().is_none()
}
