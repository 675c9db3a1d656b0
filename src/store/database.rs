//! Where the database is, and opening connections to it.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tracing::subscriber::{NoSubscriber, with_default};

use super::StoreError;
use super::{migrate, partitions};

/// How long an attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A Postgres database and what this service does to its schema. Holds no connection.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    migrate: bool,
    months_ahead: u32,
}

impl Database {
    /// `migrate`: bring the schema up to date before use, else only check it. `months_ahead`:
    /// how many months of partitions to keep ready beside the current one.
    pub fn new(url: &SecretString, migrate: bool, months_ahead: u32) -> Result<Self, StoreError> {
        // sqlx logs the value of a parameter that it does not know: it may be a misspelt password.
        let parsed = with_default(NoSubscriber::default(), || {
            PgConnectOptions::from_str(url.expose_secret())
        });
        let options = parsed
            .map_err(|_| StoreError::Url)?
            .application_name("routo-receiver")
            // Whatever the database's default: a commit that was not flushed is no commit.
            .options([("synchronous_commit", "on"), ("client_min_messages", "warning")])
            .disable_statement_logging();
        Ok(Self { options, migrate, months_ahead })
    }

    /// A connection, with no look at the schema.
    pub async fn connect(&self) -> Result<PgConnection, StoreError> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.options.connect())
            .await
            .map_err(|_| StoreError::ConnectTimeout(CONNECT_TIMEOUT))?
            .map_err(StoreError::Connect)
    }

    /// Brings the schema up to date, or checks that it is, and makes the partitions that are due.
    pub async fn prepare(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let encoding = sqlx::query_scalar!("select pg_encoding_to_char(encoding)::text from pg_database where datname = current_database()")
            .fetch_one(&mut *connection)
            .await
            .map_err(StoreError::Connect)?
            .unwrap_or_default();
        if encoding != "UTF8" {
            return Err(StoreError::NotUtf8(encoding));
        }
        if self.migrate {
            migrate::run(connection).await?;
        } else {
            migrate::check(connection).await?;
        }
        self.make_partitions(connection).await
    }

    /// Makes the partitions for now and the months ahead, where they are missing.
    pub async fn make_partitions(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        partitions::ensure_ahead(connection, self.months_ahead).await
    }
}
