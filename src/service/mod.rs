//! The composition root: builds the service from validated settings, starts it and stops it.

mod database;
mod error;
mod first_run;
mod open_files;
mod samples;
mod sockets;
mod spool;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use embedded_postgres::EmbeddedPostgres;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Credentials};
use crate::config::{
    Account, HttpSettings, IngestSettings, RetentionSettings, Settings, TlsSettings,
    credentials_file,
};
use crate::credentials::{Generated, accounts_or_generated};
use crate::domain::EventKeySource;
use crate::http::{self, AccessPolicy, CallbackState, ConnectionLimits, Endpoint, Routes};
use crate::ingest::{self, IngestHandle};
use crate::memory::{self, MemoryBudget};
use crate::metrics::{Listener, Metrics};
use crate::spool::Spool;
use crate::store::upkeep::{self, Upkeep};
use crate::store::{Database, Retention};
use crate::tls::{CertificateFiles, ReloadedCertificate};

pub use error::StartError;
pub use first_run::FirstRun;

pub(crate) use database::{OpenDatabase, database_at};
pub(crate) use first_run::reachable;
pub(crate) use open_files::raise_open_file_limit;
pub(crate) use spool::spool_options;

use samples::exposition;
use sockets::{InheritedSockets, address_of};
use spool::open_spool;

/// Connections on the admin listener.
const MAX_ADMIN_CONNECTIONS: usize = 64;

/// How long dropping a partition may block callbacks.
const MAX_LOCK_PATIENCE: Duration = Duration::from_millis(100);

/// A running service.
pub struct Service {
    /// Where it takes callbacks.
    pub http_address: SocketAddr,
    /// Where it takes them over TLS.
    pub tls_address: Option<SocketAddr>,
    /// Where the operator's endpoints are.
    pub admin_address: SocketAddr,
    /// What to print if this start has generated the credentials.
    pub first_run: Option<FirstRun>,
    stop: CancellationToken,
    servers: [JoinHandle<()>; 2],
    upkeep: JoinHandle<()>,
    committer: JoinHandle<()>,
    spool: Arc<Spool>,
    embedded_postgres: Option<EmbeddedPostgres>,
}

impl Service {
    /// Starts everything. An embedded database takes callbacks when this returns; a configured one
    /// may be away, now and later.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        raise_open_file_limit();
        let http = &settings.http;
        let mut inherited = InheritedSockets::take()?;
        let taking_over = inherited.is_any();
        let certificate =
            certificate_files(&settings.tls).map(ReloadedCertificate::read).transpose()?;
        let public = inherited.http(http.listen)?;
        let spool = Arc::new(open_spool(&settings, taking_over).await?);
        let admin = inherited.admin(settings.admin.listen, taking_over).await?;
        let (http_address, admin_address) = (address_of(&public), address_of(&admin));
        let mut endpoints = vec![Endpoint { socket: public, tls: None }];
        let mut tls_address = None;
        if let Some(certificate) = &certificate {
            let socket = inherited.tls(settings.tls.listen, taking_over).await?;
            tls_address = Some(address_of(&socket));
            endpoints.push(Endpoint { socket, tls: Some(certificate.acceptor()) });
        }
        let (accounts, generated) = accounts_or_generated(&settings)?;

        let OpenDatabase { database, embedded: embedded_postgres } =
            OpenDatabase::open(&settings, settings.database.migrate_on_start).await?;
        let metrics = Metrics::default();
        let database = database.counted_in(&metrics.postgres);

        let stop = CancellationToken::new();
        let limits = ingest_limits(&settings.ingest);
        let (ingest, committer) =
            ingest::start(&database, Arc::clone(&spool), limits, metrics.ingest.clone());
        let upkeep = tokio::spawn(keep_database(
            database,
            upkeep_options(&settings),
            ingest.clone(),
            stop.clone(),
        ));

        let memory = MemoryBudget::new(http.max_buffered_bytes - unauthenticated_share(http));
        tokio::spawn(memory::reclaim(Arc::clone(&memory), stop.clone()));
        let callbacks = callback_state(&accounts, http, &ingest, &memory, &metrics);
        let callbacks = http::public_router(callbacks);
        let samples = exposition(&metrics, ingest.clone(), Arc::clone(&memory), Arc::clone(&spool));
        let operators = http::admin_router(ingest.clone(), samples);
        let keys = Arc::new(EventKeySource::system());
        if let Some(certificate) = certificate {
            tokio::spawn(certificate.keep(stop.clone()));
        }
        let serve = |name: Listener, endpoints: Vec<Endpoint>, routes: Routes, max: usize| {
            let limits = connection_limits(http, max);
            let metrics = metrics.http.listener(name, max);
            let keys = Arc::clone(&keys);
            tokio::spawn(http::serve(endpoints, routes, limits, keys, metrics, stop.clone()))
        };
        let servers = [
            serve(Listener::Http, endpoints, callbacks, http.max_connections),
            serve(
                Listener::Admin,
                vec![Endpoint { socket: admin, tls: None }],
                operators,
                MAX_ADMIN_CONNECTIONS,
            ),
        ];

        if embedded_postgres.is_some() {
            // The first callback finds it migrated.
            ingest.until_postgres().await;
        }
        // The committer ends with its last handle.
        drop(ingest);
        let database = if embedded_postgres.is_some() { "embedded" } else { "database.url" };
        tracing::info!(http = %http_address, https = tls_address.map(tracing::field::display), admin = %admin_address, database, accounts = accounts.len(), "routo-receiver {} is listening", env!("CARGO_PKG_VERSION"));
        let first_run = match (generated, &embedded_postgres) {
            (Some(generated), Some(embedded)) => {
                let credentials = credentials_file(&settings.data_dir);
                tracing::info!(credentials = %credentials.display(), "no account is configured: generated credentials are in use");
                let psql = embedded.psql_command_line().to_owned();
                let account = accounts.into_iter().next().filter(|_| generated == Generated::Now);
                account.map(|account| FirstRun { account, http_address, credentials, psql })
            }
            _ => None,
        };
        Ok(Self {
            http_address,
            tls_address,
            admin_address,
            first_run,
            stop,
            servers,
            upkeep,
            committer,
            spool,
            embedded_postgres,
        })
    }

    /// Accepts no more connections, finishes and commits what is in progress, and stops Postgres last.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.embedded_postgres.is_none() {
            // A successor that waits for the directory can start. With an embedded Postgres, it waits
            // until that has stopped.
            self.spool.release();
        }
        // A task that panicked has logged that; the others are stopped all the same.
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

/// Runs the upkeep from when ingest has found Postgres and prepared the schema.
async fn keep_database(
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

fn ingest_limits(settings: &IngestSettings) -> ingest::Limits {
    let IngestSettings { queue_capacity, max_batch_rows, commit_deadline } = *settings;
    ingest::Limits { queue_capacity, max_batch_rows, commit_deadline }
}

fn callback_state(
    accounts: &[Account],
    http: &HttpSettings,
    ingest: &IngestHandle,
    memory: &Arc<MemoryBudget>,
    metrics: &Metrics,
) -> CallbackState {
    CallbackState {
        accounts: Accounts::new(accounts.iter().map(credentials_of)),
        access: AccessPolicy::new(http.trusted_proxies.clone()),
        ingest: ingest.clone(),
        max_body_bytes: http.max_body_bytes,
        max_unauthenticated_body_bytes: http.max_unauthenticated_body_bytes,
        memory: Arc::clone(memory),
        request_timeout: http.request_timeout,
        metrics: metrics.clone(),
    }
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

/// The files of the certificate for HTTPS, if it is on.
pub(crate) fn certificate_files(settings: &TlsSettings) -> Option<CertificateFiles> {
    let TlsSettings { certificate_file, key_file, .. } = settings.clone();
    Some(CertificateFiles { certificate: certificate_file?, key: key_file? })
}

/// The part of `http.max_buffered_bytes` for requests that are not authenticated.
fn unauthenticated_share(http: &HttpSettings) -> usize {
    http.max_buffered_bytes / 4
}

fn connection_limits(http: &HttpSettings, max_connections: usize) -> ConnectionLimits {
    ConnectionLimits {
        max_connections,
        max_head_bytes: http.max_head_bytes,
        max_unauthenticated_bytes: unauthenticated_share(http),
        head_timeout: http.head_timeout,
        idle_timeout: http.idle_timeout,
        shutdown_timeout: http.shutdown_timeout,
    }
}
