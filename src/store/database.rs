//! Where the database is, and opening connections to it.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;
use tracing::subscriber::{NoSubscriber, with_default};

use super::StoreError;
use super::{migrate, partitions};

/// How long an attempt to connect, and each look at the schema, may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long making partitions may take; it gives up a lock after 10 s.
const PARTITIONS_TIMEOUT: Duration = Duration::from_secs(30);

/// How long migrations may take, other replicas' turns included.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(30);

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
            .disable_statement_logging();
        Ok(Self { options, migrate, months_ahead })
    }

    /// A connection, with no look at the schema.
    pub async fn connect(&self) -> Result<PgConnection, StoreError> {
        bounded(CONNECT_TIMEOUT, async {
            let mut connection = self.options.connect().await.map_err(StoreError::Connect)?;
            // By a statement: a pooler may drop what is asked for at the start of a connection.
            // Whatever the database's default, a commit that was not flushed is no commit.
            sqlx::query!("select set_config('synchronous_commit', 'on', false) as a, set_config('client_min_messages', 'warning', false) as b")
                .fetch_one(&mut connection)
                .await
                .map_err(StoreError::Connect)?;
            Ok(connection)
        })
        .await
    }

    /// Brings the schema up to date, or checks that it is, and makes the partitions that are due.
    pub async fn prepare(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        bounded(CONNECT_TIMEOUT, check_encoding(connection)).await?;
        let missing = bounded(CONNECT_TIMEOUT, migrate::missing(connection)).await?;
        match missing {
            Some(missing) if !self.migrate => return Err(StoreError::SchemaMissing { missing }),
            Some(_) => {
                tracing::info!("bringing the database's schema up to date");
                bounded(MIGRATION_TIMEOUT, migrate::run(connection)).await?;
            }
            None => {}
        }
        self.make_partitions(connection).await
    }

    /// Makes the partitions for now and the months ahead, where they are missing.
    pub async fn make_partitions(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        bounded(PARTITIONS_TIMEOUT, partitions::ensure_ahead(connection, self.months_ahead)).await
    }
}

/// A peer that goes silent must not stop us for ever: every step has its time.
pub(super) async fn bounded<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, step).await.unwrap_or(Err(StoreError::Silent(limit)))
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), StoreError> {
    let encoding = sqlx::query_scalar!("select pg_encoding_to_char(encoding)::text from pg_database where datname = current_database()")
        .fetch_one(connection)
        .await
        .map_err(StoreError::Connect)?
        .unwrap_or_default();
    if encoding == "UTF8" { Ok(()) } else { Err(StoreError::NotUtf8(encoding)) }
}
