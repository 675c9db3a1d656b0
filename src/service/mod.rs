//! The composition root: builds the service from validated settings, starts it and stops it.

mod database;
mod error;
mod first_run;
mod open_files;
mod parts;
mod samples;
mod sockets;
mod spool;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use embedded_postgres::EmbeddedPostgres;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Settings, credentials_file};
use crate::credentials::{ServedAccounts, accounts_or_generated};
use crate::domain::EventKeySource;
use crate::http::{self, Endpoint, Routes};
use crate::ingest::{self, IngestHandle};
use crate::memory::{self, MemoryBudget};
use crate::metrics::{Listener, Metrics};
use crate::spool::Spool;
use crate::store::Database;
use crate::store::upkeep::{self, Upkeep};
use crate::tls::ReloadedCertificate;

pub use error::StartError;
pub use first_run::FirstRun;

pub(crate) use database::{OpenDatabase, database_at, existing_database};
pub(crate) use first_run::reachable;
pub(crate) use open_files::raise_open_file_limit;
pub(crate) use parts::certificate_files;
pub(crate) use spool::spool_options;

use open_files::connections_that_fit;
use parts::{
    callback_state, connection_limits, ingest_limits, unauthenticated_share, upkeep_options,
};
use samples::exposition;
use sockets::{InheritedSockets, address_of};
use spool::open_spool;

/// Connections on the admin listener.
const MAX_ADMIN_CONNECTIONS: usize = 64;

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
        if SystemTime::now() < SystemTime::UNIX_EPOCH {
            return Err(StartError::ClockBefore1970);
        }
        raise_open_file_limit();
        let max_connections = connections_that_fit(settings.http.max_connections);
        let http = &settings.http;
        let mut inherited = InheritedSockets::take()?;
        let taking_over = inherited.is_any();
        let certificate =
            certificate_files(&settings.tls).map(ReloadedCertificate::read).transpose()?;
        let public = inherited.http(http.listen)?;
        // The predecessor keeps its addresses until it has released the spool. Otherwise an address in
        // use is an error before anything is made or started.
        let spool = if taking_over { Some(open_spool(&settings, true).await?) } else { None };
        let admin = inherited.admin(settings.admin.listen, taking_over).await?;
        let (http_address, admin_address) = (address_of(&public), address_of(&admin));
        let mut endpoints = vec![Endpoint { socket: public, tls: None }];
        let mut tls_address = None;
        if let Some(certificate) = &certificate {
            let socket = inherited.tls(settings.tls.listen, taking_over).await?;
            tls_address = Some(address_of(&socket));
            endpoints.push(Endpoint { socket, tls: Some(certificate.acceptor()) });
        }
        let spool = Arc::new(match spool {
            Some(spool) => spool,
            None => open_spool(&settings, false).await?,
        });
        let served = accounts_or_generated(&settings)?;
        let accounts = &served.accounts;

        let OpenDatabase { database, embedded: embedded_postgres } =
            OpenDatabase::open(&settings, settings.database.migrate_on_start).await?;
        let location = match embedded_postgres {
            Some(_) => format!("embedded: {}", database.location()),
            None => database.location().to_owned(),
        };
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
        let callbacks = callback_state(accounts, http, &ingest, &memory, &metrics);
        let previous = callbacks.accounts.previous_credentials().cloned().collect();
        let callbacks = http::public_router(callbacks);
        let samples =
            exposition(&metrics, ingest.clone(), Arc::clone(&memory), Arc::clone(&spool), previous);
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
            serve(Listener::Http, endpoints, callbacks, max_connections),
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
        tracing::info!(http = %http_address, https = tls_address.map(tracing::field::display), admin = %admin_address, database = location, accounts = accounts.len(), "routo-receiver {} is listening", env!("CARGO_PKG_VERSION"));
        log_generated(&served, &settings.data_dir);
        let first_run = first_run(&served, http_address, &settings, embedded_postgres.as_ref());
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

fn log_generated(served: &ServedAccounts, data_dir: &Path) {
    if let Some(generated) = &served.generated {
        let credentials = credentials_file(data_dir);
        tracing::info!(account = %generated.name, credentials = %credentials.display(), "generated credentials are in use");
    }
    if let Some(unused) = &served.unused {
        tracing::warn!("{unused}");
    }
}

/// What to print if this start has generated the account.
fn first_run(
    served: &ServedAccounts,
    http_address: SocketAddr,
    settings: &Settings,
    embedded: Option<&EmbeddedPostgres>,
) -> Option<FirstRun> {
    served.generated.as_ref().filter(|generated| generated.now)?;
    Some(FirstRun {
        account: served.generated_account()?.clone(),
        http_address,
        credentials: credentials_file(&settings.data_dir),
        psql: embedded?.psql_command_line().to_owned(),
    })
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
