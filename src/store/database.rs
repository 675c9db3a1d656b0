//! Where the database is, opening connections to it, and the state its schema has to be in.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::domain::Event;
use crate::error_chain::Chain;
use crate::log_once::LogOnce;
use crate::metrics::{PostgresMetrics, Purpose};

use super::StoreError;
use super::connection::Connection;
use super::indexes::{self, Turn};
use super::migrate::{self, Schema};
use super::partitions::{self, PartitionPlan};
use super::timeouts::Timeouts;

/// How long an attempt to connect, and each look at the schema, may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long making partitions may take; Postgres gives up each of its statements before.
const PARTITIONS_TIMEOUT: Duration = Duration::from_secs(30);

/// How long migrations may take, other replicas' turns included.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(30);

/// A Postgres database and what this service does to its schema. Holds no connection.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    migrate: bool,
    partitions: PartitionPlan,
    newer_schema: Arc<LogOnce>,
    metrics: PostgresMetrics,
}

impl Database {
    /// `migrate`: bring the schema up to date before use, else only check it.
    pub fn new(
        url: &SecretString,
        migrate: bool,
        partitions: PartitionPlan,
    ) -> Result<Self, StoreError> {
        // sqlx logs the value of a parameter that it does not know: it may be a misspelt password.
        let parsed = with_default(NoSubscriber::default(), || {
            PgConnectOptions::from_str(url.expose_secret())
        });
        let options = parsed
            .map_err(|_| StoreError::Url)?
            .application_name("routo-receiver")
            .disable_statement_logging();
        let metrics = PostgresMetrics::default();
        Ok(Self { options, migrate, partitions, newer_schema: Arc::default(), metrics })
    }

    /// The same, counted there.
    #[must_use]
    pub fn counted_in(self, metrics: &PostgresMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// A connection, with no look at the schema. A statement may take 20 s on it, and wait 10 s for a
    /// lock.
    pub async fn connect(&self, purpose: Purpose) -> Result<Connection, StoreError> {
        match self.connect_uncounted().await {
            Ok(connection) => Ok(Connection::new(connection, self.metrics.connected(purpose))),
            Err(error) => {
                self.metrics.not_connected(purpose);
                Err(error)
            }
        }
    }

    async fn connect_uncounted(&self) -> Result<PgConnection, StoreError> {
        bounded(CONNECT_TIMEOUT, async {
            let mut connection = self.options.connect().await.map_err(StoreError::Connect)?;
            // By a statement: a pooler may drop what is asked for at the start of a connection.
            // Whatever the database's default, a commit that was not flushed is no commit, and a
            // service that freezes in the midst of a transaction holds nobody back for ever.
            sqlx::query!(
                r#"
                select
                    set_config('synchronous_commit', 'on', false) as commit,
                    set_config('idle_in_transaction_session_timeout', '60s', false) as idle,
                    set_config('client_min_messages', 'warning', false) as messages
                "#
            )
            .fetch_one(&mut connection)
            .await
            .map_err(StoreError::Connect)?;
            Timeouts::UPKEEP.set(&mut connection).await.map_err(StoreError::Connect)?;
            Ok(connection)
        })
        .await
    }

    /// Brings the schema up to date, or checks that it is, and makes the partitions that are due.
    pub async fn prepare(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let schema = look(connection).await?;
        match schema.missing {
            Some(missing) if !self.migrate => return Err(StoreError::SchemaMissing { missing }),
            Some(_) => bring_up_to_date(connection, &schema).await?,
            None => self.log_if_newer(&schema),
        }
        match self.make_partitions(connection).await {
            // Rows may be taken without them; if not, inserting says so.
            Err(error @ StoreError::Partitions(sqlx::Error::Database(_))) => {
                tracing::warn!(error = %Chain(&error), "could not look after partitions");
                Ok(())
            }
            other => other,
        }
    }

    /// Does for the schema all that there is to do, and waits for it: migrations, partitions, and
    /// indexes of partitions that exist.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.connect(Purpose::Upkeep).await?;
        let schema = look(&mut connection).await?;
        schema.ensure_not_newer()?;
        bring_up_to_date(&mut connection, &schema).await?;
        self.make_partitions(&mut connection).await?;
        drop(connection);
        indexes::complete(self, Turn::Wait).await
    }

    /// Refuses a schema that is not the one which this program knows: what changes rows that are there
    /// has to know all of it, and has no business to change the schema.
    pub(super) async fn ensure_current(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let schema = look(connection).await?;
        match schema.missing {
            Some(missing) => Err(StoreError::SchemaMissing { missing }),
            None => schema.ensure_not_newer(),
        }
    }

    /// Makes the partitions for now and those ahead, where they are missing.
    pub(super) async fn make_partitions(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let ensured = partitions::ensure_ahead(connection, self.partitions, &self.metrics);
        bounded(PARTITIONS_TIMEOUT, ensured).await
    }

    /// Makes the partitions that these rows need.
    pub(super) async fn make_partitions_for(
        &self,
        connection: &mut PgConnection,
        rows: &[Event],
    ) -> Result<(), StoreError> {
        let times: Vec<_> = rows.iter().map(|row| row.reception().key.received_at).collect();
        partitions::ensure_for(connection, &times, self.partitions).await
    }

    fn log_if_newer(&self, schema: &Schema) {
        if let Err(error) = schema.ensure_not_newer()
            && self.newer_schema.begin()
        {
            tracing::warn!(error = %Chain(&error), "callbacks are taken all the same; the schema is left as it is");
        }
    }
}

/// A peer that goes silent must not stop us for ever: every step has its time.
pub(super) async fn bounded<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, step).await.unwrap_or(Err(StoreError::Silent(limit)))
}

/// What the database's schema is, if it can be used at all.
async fn look(connection: &mut PgConnection) -> Result<Schema, StoreError> {
    bounded(CONNECT_TIMEOUT, check_encoding(connection)).await?;
    let schema = bounded(CONNECT_TIMEOUT, migrate::look(connection)).await?;
    match schema.altered {
        Some(version) => Err(StoreError::MigrationAltered { version }),
        None => Ok(schema),
    }
}

async fn bring_up_to_date(
    connection: &mut PgConnection,
    schema: &Schema,
) -> Result<(), StoreError> {
    if schema.missing.is_none() {
        return Ok(());
    }
    schema.ensure_not_newer()?;
    tracing::info!("bringing the database's schema up to date");
    bounded(MIGRATION_TIMEOUT, migrate::run(connection)).await
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), StoreError> {
    let encoding = sqlx::query_scalar!("select pg_encoding_to_char(encoding)::text from pg_database where datname = current_database()")
        .fetch_one(connection)
        .await
        .map_err(StoreError::Connect)?
        .unwrap_or_default();
    if encoding == "UTF8" { Ok(()) } else { Err(StoreError::NotUtf8(encoding)) }
}
