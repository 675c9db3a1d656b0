//! Opens connections to the database and makes sure of its schema.

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
use super::location::location;
use super::migrate::{self, Schema};
use super::partitions::{self, PartitionPlan};
use super::timeouts::Timeouts;
use super::unsafe_states::UnsafeStates;

/// For an attempt to connect, and for each step of inspecting the schema.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For creating partitions. The statement timeout is shorter.
const PARTITIONS_TIMEOUT: Duration = Duration::from_secs(30);

/// For migrations, including the wait for other replicas that migrate.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(30);

/// A Postgres database and how this service treats its schema. Holds no connection.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    location: Arc<str>,
    migrate: bool,
    partitions: PartitionPlan,
    newer_schema: Arc<LogOnce>,
    unsafe_states: Arc<UnsafeStates>,
    metrics: PostgresMetrics,
}

impl Database {
    /// With `migrate`, [`prepare`](Self::prepare) brings the schema up to date; else it only checks it.
    pub fn new(
        url: &SecretString,
        migrate: bool,
        partitions: PartitionPlan,
    ) -> Result<Self, StoreError> {
        // sqlx logs the values of unknown parameters, such as a misspelt password.
        let parsed = with_default(NoSubscriber::default(), || {
            PgConnectOptions::from_str(url.expose_secret())
        });
        let options = parsed
            .map_err(|_| StoreError::Url)?
            .application_name("routo-receiver")
            .disable_statement_logging();
        let location = location(url.expose_secret(), &options).into();
        let metrics = PostgresMetrics::default();
        Ok(Self {
            options,
            location,
            migrate,
            partitions,
            newer_schema: Arc::default(),
            unsafe_states: Arc::default(),
            metrics,
        })
    }

    /// Host, port and name, without secrets.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Counts connections and partitions in these metrics.
    #[must_use]
    pub fn counted_in(self, metrics: &PostgresMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Connects without inspecting the schema. The statement timeout is 20 s, the lock timeout 10 s.
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
            // By a statement: a pooler may drop options of the startup packet. A service that freezes
            // during a transaction must not hold its locks for ever.
            sqlx::query!(
                r#"
                select
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

    /// Migrates the schema, or checks that it is up to date, and creates the partitions that are due.
    pub async fn prepare(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let schema = inspect(connection).await?;
        match schema.missing {
            Some(missing) if !self.migrate => return Err(StoreError::SchemaMissing { missing }),
            Some(_) => bring_up_to_date(connection, &schema).await?,
            None => self.log_if_newer(&schema),
        }
        match self.make_partitions(connection).await {
            // Inserts may work without them; if not, they fail themselves.
            Err(error @ StoreError::Partitions(sqlx::Error::Database(_))) => {
                tracing::warn!(error = %Chain(&error), "the partitions ahead of time can't be created");
                Ok(())
            }
            other => other,
        }
    }

    /// Applies the migrations that the database lacks and makes the partitions that are due.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.connect(Purpose::Upkeep).await?;
        let schema = inspect(&mut connection).await?;
        schema.ensure_not_newer()?;
        bring_up_to_date(&mut connection, &schema).await?;
        self.make_partitions(&mut connection).await
    }

    /// Refuses a schema of another version: a command that changes existing rows has to know all of it, and
    /// must not migrate it.
    pub(super) async fn ensure_current(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let schema = inspect(connection).await?;
        match schema.missing {
            Some(missing) => Err(StoreError::SchemaMissing { missing }),
            None => schema.ensure_not_newer(),
        }
    }

    /// Creates the current partitions and those ahead, where they are missing.
    pub(super) async fn make_partitions(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let ensured = partitions::ensure_ahead(connection, self.partitions, &self.metrics);
        bounded(PARTITIONS_TIMEOUT, ensured).await
    }

    /// Creates the partitions that these rows need.
    pub(super) async fn make_partitions_for(
        &self,
        connection: &mut PgConnection,
        rows: &[Event],
    ) -> Result<(), StoreError> {
        let times: Vec<_> = rows.iter().map(|row| row.reception().key.received_at).collect();
        partitions::ensure_for(connection, &times, self.partitions).await
    }

    /// Reports states of the database that can undo what it has committed. It takes callbacks all the same.
    pub(super) async fn report_unsafe_states(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        bounded(CONNECT_TIMEOUT, async {
            match self.unsafe_states.inspect(connection, &self.metrics).await {
                Err(error @ sqlx::Error::Database(_)) => {
                    tracing::warn!(error = %Chain(&error), "can't see whether the database keeps what it has committed");
                    Ok(())
                }
                other => other.map_err(StoreError::Connect),
            }
        })
        .await
    }

    fn log_if_newer(&self, schema: &Schema) {
        if let Err(error) = schema.ensure_not_newer()
            && self.newer_schema.begin()
        {
            tracing::warn!(error = %Chain(&error), "the schema is newer than this program: callbacks are accepted, the schema is not changed");
        }
    }
}

/// Limits a step, so that a peer that goes silent can't stop the service for ever.
pub(super) async fn bounded<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, step).await.unwrap_or(Err(StoreError::Silent(limit)))
}

/// Compares the database's schema with this program's. Fails if the database can't be used at all.
async fn inspect(connection: &mut PgConnection) -> Result<Schema, StoreError> {
    bounded(CONNECT_TIMEOUT, check_encoding(connection)).await?;
    let schema = bounded(CONNECT_TIMEOUT, migrate::inspect(connection)).await?;
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
    tracing::info!("migrating the database schema");
    bounded(MIGRATION_TIMEOUT, migrate::run(connection)).await
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), StoreError> {
    let encoding = sqlx::query_scalar!("select pg_encoding_to_char(encoding)::text from pg_database where datname = current_database()")
        .fetch_one(connection)
        .await
        .map_err(StoreError::Connect)?
        .expect("every database has an encoding");
    if encoding == "UTF8" { Ok(()) } else { Err(StoreError::NotUtf8(encoding)) }
}
