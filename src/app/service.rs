//! The running service: listeners, ingest, and, when it is the embedded one, Postgres.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::config::{
    Account, DatabaseSource, HttpSettings, PartitionSettings, RetentionSettings, Settings,
};
use crate::credentials::{self, Generated, accounts_or_generated};
use crate::domain::EventKeySource;
use crate::first_run::Welcome;
use crate::http::auth::{Accounts, Credentials};
use crate::http::{self, AccessPolicy, CallbackState, ConnectionLimits, Routes};
use crate::ingest::{self, IngestHandle};
use crate::memory::{self, MemoryBudget};
use crate::metrics::{Listener, Metrics};
use crate::spool::{Spool, SpoolError, SpoolOptions};
use crate::store::upkeep::{self, Upkeep};
use crate::store::{Database, PartitionPlan, Retention, StoreError};
use embedded_postgres::{self, EmbeddedPostgres, EmbeddedPostgresError, EmbeddedPostgresOptions};

use super::AppError;
use super::figures::exposition;
use super::sockets::{Inherited, TAKE_OVER_POLL};

/// Connections on the admin listener.
const MAX_ADMIN_CONNECTIONS: usize = 64;

/// How long callbacks may have to wait for a partition to be dropped.
const MAX_LOCK_PATIENCE: Duration = Duration::from_millis(100);

/// A service that takes callbacks.
pub struct Service {
    /// Where callbacks are taken.
    pub http_address: SocketAddr,
    /// Where the operator's endpoints are.
    pub admin_address: SocketAddr,
    stop: CancellationToken,
    servers: [JoinHandle<()>; 2],
    upkeep: JoinHandle<()>,
    committer: JoinHandle<()>,
    spool: Arc<Spool>,
    embedded_postgres: Option<EmbeddedPostgres>,
}

impl Service {
    /// Starts everything. With the embedded database, the service takes callbacks when this returns;
    /// a database of the user's may come later.
    pub async fn start(settings: Settings) -> Result<Self, AppError> {
        raise_open_file_limit();
        let http = &settings.http;
        let mut inherited = Inherited::take()?;
        let taking_over = inherited.is_any();
        let public = inherited.http(http.listen).await?;
        let spool = Arc::new(open_spool(&settings, taking_over).await?);
        let admin = inherited.admin(settings.admin.listen, taking_over).await?;
        let (http_address, admin_address) =
            (address(&public, http.listen), address(&admin, settings.admin.listen));
        let (accounts, generated) = accounts_or_generated(&settings)?;

        let (url, embedded_postgres) = database_of(&settings).await?;
        let metrics = Metrics::default();
        let database = database_at(&url, settings.database.migrate_on_start, &settings)?
            .counted_in(&metrics.postgres);

        let stop = CancellationToken::new();
        let limits = ingest::Limits {
            queue_capacity: settings.ingest.queue_capacity,
            max_batch_rows: settings.ingest.max_batch_rows,
            commit_deadline: settings.ingest.commit_deadline,
        };
        let (ingest, committer) =
            ingest::start(&database, Arc::clone(&spool), limits, metrics.ingest.clone());
        let memory = MemoryBudget::new(http.max_buffered_bytes - unauthenticated_share(http));
        tokio::spawn(memory::reclaim(Arc::clone(&memory), stop.clone()));
        let upkeep = tokio::spawn(look_after(
            database,
            upkeep_options(&settings),
            ingest.clone(),
            stop.clone(),
        ));

        let callbacks = http::public_router(CallbackState {
            accounts: Accounts::new(accounts.iter().map(credentials_of)),
            access: AccessPolicy::new(http.trusted_proxies.clone()),
            ingest: ingest.clone(),
            max_body_bytes: http.max_body_bytes,
            max_unauthenticated_body_bytes: http.max_unauthenticated_body_bytes,
            memory,
            request_timeout: http.request_timeout,
            metrics: metrics.clone(),
        });
        let figures = exposition(&metrics, ingest.clone(), Arc::clone(&spool));
        let operators = http::admin_router(ingest.clone(), figures);
        let keys = Arc::new(EventKeySource::system());
        let serve = |name: Listener, socket: TcpListener, routes: Routes, max: usize| {
            let limits = connection_limits(http, max);
            let metrics = metrics.http.listener(name, max);
            let keys = Arc::clone(&keys);
            tokio::spawn(http::serve(socket, routes, limits, keys, metrics, stop.clone()))
        };
        let servers = [
            serve(Listener::Http, public, callbacks, http.max_connections),
            serve(Listener::Admin, admin, operators, MAX_ADMIN_CONNECTIONS),
        ];

        if embedded_postgres.is_some() {
            // It is there: the first callback shall find it migrated.
            ingest.until_postgres().await;
        }
        drop(ingest);
        let database = if embedded_postgres.is_some() { "embedded" } else { "database.url" };
        tracing::info!(http = %http_address, admin = %admin_address, database, accounts = accounts.len(), "routo-receiver {} listens", env!("CARGO_PKG_VERSION"));
        if let (Some(generated), Some(local), [account]) =
            (generated, &embedded_postgres, &*accounts)
        {
            tell(generated, account, http_address, local, &settings.data_dir);
        }
        Ok(Self {
            http_address,
            admin_address,
            stop,
            servers,
            upkeep,
            committer,
            spool,
            embedded_postgres,
        })
    }

    /// Takes no more connections, finishes and commits what is under way, and stops Postgres last.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.embedded_postgres.is_none() {
            // A successor that waits for the directory can begin. One with the same embedded Postgres
            // has to wait for the end of that.
            self.spool.release();
        }
        // A task that panicked has said so; the others are stopped all the same.
        for server in self.servers {
            let _ = server.await;
        }
        let _ = self.upkeep.await;
        // The routers are gone, and with them every handle: the committer finishes and ends.
        let _ = self.committer.await;
        if let Some(embedded_postgres) = self.embedded_postgres {
            embedded_postgres.stop().await;
        }
    }
}

/// Where the configured database is; the embedded one is started for it.
pub(super) async fn database_of(
    settings: &Settings,
) -> Result<(SecretString, Option<EmbeddedPostgres>), AppError> {
    match &settings.database.source {
        DatabaseSource::External(url) => Ok((url.clone(), None)),
        DatabaseSource::Embedded { bin_dir } => {
            let local = EmbeddedPostgres::start(EmbeddedPostgresOptions {
                data_dir: settings.data_dir.clone(),
                bin_dir: bin_dir.clone(),
            })
            .await?;
            Ok((local.url().clone(), Some(local)))
        }
    }
}

/// The database at this URL, as it is to be used with these settings.
pub(super) fn database_at(
    url: &SecretString,
    migrate: bool,
    settings: &Settings,
) -> Result<Database, StoreError> {
    let PartitionSettings { width, ahead } = settings.partitions;
    Database::new(url, migrate, PartitionPlan { width, ahead })
}

/// Keeps the tables in order, from when ingest has found Postgres and prepared the schema.
async fn look_after(
    database: Database,
    options: Upkeep,
    ingest: IngestHandle,
    stop: CancellationToken,
) {
    if stop.run_until_cancelled(ingest.until_postgres()).await.is_some() {
        // The committer runs as long as there is a handle.
        drop(ingest);
        upkeep::keep(database, options, stop).await;
    }
}

fn upkeep_options(settings: &Settings) -> Upkeep {
    let RetentionSettings { delivery_reports, inbound_messages, rejected_callbacks } =
        settings.retention;
    Upkeep {
        retention: Retention { delivery_reports, inbound_messages, rejected_callbacks },
        lock_patience: MAX_LOCK_PATIENCE.min(settings.ingest.commit_deadline / 10),
    }
}

/// The configured database, for a command that needs it for a while.
pub(super) struct OpenDatabase {
    pub(super) database: Database,
    local: Option<EmbeddedPostgres>,
}

impl OpenDatabase {
    /// Finds it. The embedded one is started, unless a running service has it: then that one's is used.
    pub(super) async fn of(settings: &Settings) -> Result<Self, AppError> {
        let (url, local) = match database_of(settings).await {
            Err(AppError::EmbeddedPostgres(in_use @ EmbeddedPostgresError::InUse { .. })) => {
                let url = embedded_postgres::url_of_running(&settings.data_dir);
                (url.ok_or(AppError::EmbeddedPostgres(in_use))?, None)
            }
            other => other?,
        };
        let migrate = settings.database.migrate_on_start;
        Ok(Self { database: database_at(&url, migrate, settings)?, local })
    }

    /// Stops what was started for it.
    pub(super) async fn close(self) {
        if let Some(local) = self.local {
            local.stop().await;
        }
    }
}

/// The spool in the data directory.
pub(super) fn spool_options(settings: &Settings) -> SpoolOptions {
    SpoolOptions {
        directory: settings.data_dir.join("spool"),
        max_bytes: settings.spool.max_bytes,
        min_free_bytes: settings.spool.min_free_bytes,
    }
}

/// Takes the spool's directory. A process that takes over another's sockets waits until that one
/// lets it go, which is when it stops to take connections.
async fn open_spool(settings: &Settings, taking_over: bool) -> Result<Spool, AppError> {
    let options = spool_options(settings);
    let mut told = false;
    loop {
        match Spool::open(options.clone()) {
            Err(SpoolError::InUse { .. }) if taking_over => {
                if !told {
                    tracing::info!("waiting for the process that has the data directory to stop");
                }
                told = true;
                sleep(TAKE_OVER_POLL).await;
            }
            other => return Ok(other?),
        }
    }
}

/// The address with the port that the system chose where none was configured.
fn address(listener: &TcpListener, configured: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(configured)
}

fn credentials_of(account: &Account) -> Credentials<'_> {
    Credentials {
        name: account.name.clone(),
        login: account.login.as_ref().map(|login| {
            let passwords = [Some(&login.password), login.previous_password.as_ref()];
            (login.user.as_str(), passwords.into_iter().flatten().collect())
        }),
        report_tokens: [&account.report_token, &account.previous_report_token]
            .into_iter()
            .flatten()
            .collect(),
        allowed_sources: account.allowed_sources.clone(),
        encodings: account.encodings.clone(),
    }
}

/// Of `http.max_buffered_bytes`, what requests that have not authenticated may hold.
fn unauthenticated_share(http: &HttpSettings) -> usize {
    http.max_buffered_bytes / 4
}

fn connection_limits(http: &HttpSettings, max_connections: usize) -> ConnectionLimits {
    ConnectionLimits {
        max_connections,
        max_head_bytes: http.max_head_bytes,
        max_unauthenticated_bytes: unauthenticated_share(http),
        head_timeout: http.head_timeout,
        shutdown_timeout: http.shutdown_timeout,
    }
}

/// Says where generated credentials are; what they are, only to a person, and once.
fn tell(
    generated: Generated,
    account: &Account,
    listen: SocketAddr,
    local: &EmbeddedPostgres,
    data_dir: &Path,
) {
    let path = credentials::path(data_dir);
    tracing::info!(credentials = %path.display(), "no account is configured: generated credentials are in use");
    let mut out = io::stdout();
    if generated == Generated::Now && out.is_terminal() {
        let psql = local.psql_command_line();
        let welcome = Welcome { account, listen, credentials: &path, psql };
        // Nothing to be done about a terminal that went away.
        let _ = write!(out, "{welcome}");
    }
}

/// A connection is an open file: the process may have as many as the system lets it.
pub(super) fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
