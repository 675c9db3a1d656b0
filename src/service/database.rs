//! The configured database, and the embedded Postgres under it where there is one.

use std::path::Path;

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresError, EmbeddedPostgresOptions};
use secrecy::SecretString;

use crate::config::{DatabaseSource, PartitionSettings, Settings};
use crate::store::{Database, PartitionPlan, StoreError};

use super::StartError;

/// The configured database, for as long as the service or a command uses it.
pub(crate) struct OpenDatabase {
    pub(crate) database: Database,
    /// The embedded Postgres, if this process started it.
    pub(super) embedded: Option<EmbeddedPostgres>,
}

impl OpenDatabase {
    /// Starts the embedded Postgres if no database is configured. `migrate`: see [`Database::new`].
    pub(crate) async fn open(settings: &Settings, migrate: bool) -> Result<Self, StartError> {
        let (url, embedded) = match settings.database.source() {
            DatabaseSource::External(url) => (url.clone(), None),
            DatabaseSource::Embedded { bin_dir } => {
                let embedded = EmbeddedPostgres::start(EmbeddedPostgresOptions {
                    data_dir: settings.data_dir.clone(),
                    bin_dir: bin_dir.map(Path::to_owned),
                })
                .await?;
                (embedded.url().clone(), Some(embedded))
            }
        };
        Ok(Self { database: database_at(&url, migrate, settings)?, embedded })
    }

    /// Like [`open`](Self::open), but if a running service has the embedded Postgres, shares that.
    pub(crate) async fn open_or_share(settings: &Settings) -> Result<Self, StartError> {
        let migrate = settings.database.migrate_on_start;
        match Self::open(settings, migrate).await {
            Err(StartError::EmbeddedPostgres(in_use @ EmbeddedPostgresError::InUse { .. })) => {
                let url = embedded_postgres::url_of_running(&settings.data_dir).ok_or(in_use)?;
                Ok(Self { database: database_at(&url, migrate, settings)?, embedded: None })
            }
            opened => opened,
        }
    }

    /// Stops the embedded Postgres if this process started it.
    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// The configured database, or the embedded one of a service, which is not started for this.
pub(crate) fn existing_database(settings: &Settings) -> Result<SecretString, StartError> {
    match settings.database.source() {
        DatabaseSource::External(url) => Ok(url.clone()),
        DatabaseSource::Embedded { .. } => {
            let data_dir = settings.data_dir.clone();
            match embedded_postgres::url_of_running(&data_dir) {
                None => Err(StartError::NoDatabase { data_dir }),
                Some(_) if !embedded_postgres::is_running(&data_dir) => {
                    Err(StartError::DatabaseStopped { data_dir })
                }
                Some(url) => Ok(url),
            }
        }
    }
}

/// The database at this URL, partitioned as configured. `migrate`: see [`Database::new`].
pub(crate) fn database_at(
    url: &SecretString,
    migrate: bool,
    settings: &Settings,
) -> Result<Database, StoreError> {
    let PartitionSettings { width, ahead } = settings.partitions;
    Database::new(url, migrate, PartitionPlan { width, ahead })
}
