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
    /// A partition could not be made.
    #[error("can't make partitions")]
    Partitions(#[source] sqlx::Error),
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
            sqlx::Error::Database(refusal)
                if is_about_a_row(refusal.code().as_deref())
                    && !is_partition_missing(&*refusal) =>
            {
                Self::Refused {
                    sqlstate: refusal.code().unwrap_or_default().into_owned(),
                    message: refusal.message().to_owned(),
                }
            }
            sqlx::Error::Database(failure) => {
                Self::Failed { sqlstate: failure.code().unwrap_or_default().into_owned() }
            }
            other => Self::Unavailable(other),
        }
    }
}

/// Class 22 is a data exception, 23 a violated constraint, 54 a value too large for an index or a
/// row, P0 what a trigger of the user's raises. Everything else is about the server: full, shutting down, read-only, without our tables.
fn is_about_a_row(sqlstate: Option<&str>) -> bool {
    sqlstate
        .is_some_and(|code| ["22", "23", "54", "P0"].iter().any(|class| code.starts_with(class)))
}

/// Whether the error says that no partition covers a row's time: a violated check (23514) that, for
/// all others, names its constraint.
pub(super) fn is_partition_missing(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("23514") && error.constraint().is_none()
}
