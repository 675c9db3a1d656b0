//! Keeps the server running: the work of the thread that lives as long as it does.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::LocalPostgresOptions;
use super::cluster::Cluster;
use super::data_dir::DataDir;
use super::endpoint::{Endpoint, free_port, is_free};
use super::error::LocalPostgresError;
use super::leash::Leash;
use super::log::Log;
use super::server;
use super::supervised::Attempt;
use super::survivors::{INSISTENCE, settle};

/// A server that ends before it was ever ready is started this often: somebody may have taken its
/// port between the choice and the start.
const FIRST_ATTEMPTS: u32 = 3;

/// Between a death and the next start: the first and the longest delay.
pub(super) const DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// A server that lived this long is not blamed for earlier deaths.
const LONG_LIFE: Duration = Duration::from_mins(1);

pub(super) struct Supervisor {
    pub(super) options: LocalPostgresOptions,
    pub(super) leash: Arc<Leash>,
    /// Set by the other end when the server has accepted a connection.
    pub(super) ready: Arc<AtomicBool>,
    pub(super) attempts: UnboundedSender<Attempt>,
}

impl Supervisor {
    /// Returns when everything is to stop and no process of the server is left, or when the first
    /// start has failed.
    pub(super) fn run(self) {
        if let Err(error) = self.supervise() {
            let was_asked = matches!(error, LocalPostgresError::Stopped);
            if self.leash.is_stopping() && !was_asked {
                tracing::warn!(%error, "Postgres was not shut down cleanly");
            }
            // Without a receiver nobody is left to tell.
            let _ = self.attempts.send(Err(error));
        }
    }

    fn supervise(&self) -> Result<(), LocalPostgresError> {
        let data_dir = DataDir::open(&self.options.data_dir)?;
        let log = Log::new(data_dir.log()).map_err(LocalPostgresError::data_dir(data_dir.log()))?;
        let bin_dir = self.options.bin_dir.as_deref();
        let cluster = Cluster::open(&data_dir, bin_dir, &self.leash, &log)?;
        let server = Server { data_dir, log, cluster, leash: &self.leash };
        // Before the port is looked at: a survivor may still have it.
        settle(&server.cluster.path, &INSISTENCE)?;
        let port = self.start_first(&server)?;
        let mut delay = DELAY;
        while !self.leash.is_stopping() {
            self.leash.pause(delay);
            let begin = Instant::now();
            let ended = server.run(port);
            if !self.leash.is_stopping() {
                let patient = LONGEST_DELAY.min(delay * 2);
                delay = if begin.elapsed() > LONG_LIFE { DELAY } else { patient };
                report_death(&ended, delay);
            }
        }
        settle(&server.cluster.path, &INSISTENCE)
    }

    /// Runs the server until it has been ready once, and ended; gives the port it has.
    fn start_first(&self, server: &Server<'_>) -> Result<u16, LocalPostgresError> {
        let remembered = server.data_dir.port();
        let mut port = remembered.unwrap_or_else(free_port);
        for attempt in 1.. {
            if !is_free(port) {
                port = free_port();
            }
            if server.data_dir.port() != Some(port) {
                server.data_dir.remember_port(port)?;
            }
            // Whoever waits meets a closed port until the server has it.
            let _ = self.attempts.send(Ok(server.attempt(port)));
            let ended = server.run(port);
            if self.leash.is_stopping() {
                break;
            }
            if self.ready.load(Ordering::Acquire) {
                report_death(&ended, DELAY);
                break;
            }
            if let Some(status) = ended?
                && attempt >= FIRST_ATTEMPTS
            {
                let log = server.log.tail();
                return Err(LocalPostgresError::ServerFailed { status, log });
            }
            self.leash.pause(DELAY);
        }
        Ok(port)
    }
}

/// A cluster, with all it takes to run a server on it.
struct Server<'a> {
    data_dir: DataDir,
    log: Log,
    cluster: Cluster,
    leash: &'a Leash,
}

impl Server<'_> {
    /// Runs the server to its end. `None`: it was not started, because everything is to stop.
    fn run(&self, port: u16) -> Result<Option<ExitStatus>, LocalPostgresError> {
        let (path, user) = (&self.cluster.path, self.cluster.user);
        settle(path, &INSISTENCE)?;
        let program = self.cluster.installed.program("postgres");
        let mut command = server::server(&program, path, user, port, &self.log)
            .map_err(LocalPostgresError::data_dir(self.data_dir.log()))?;
        match self.leash.run(&mut command) {
            Ok(status) => Ok(status),
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && !user.can_enter(path, &program)? =>
            {
                let (cluster, uid) = (path.clone(), user.uid());
                Err(LocalPostgresError::Unreachable { cluster, uid })
            }
            Err(source) => Err(LocalPostgresError::Spawn { program, source }),
        }
    }

    fn attempt(&self, port: u16) -> (Endpoint, Log) {
        let endpoint = Endpoint::new(
            port,
            &self.cluster.password,
            &self.data_dir.pgpass(),
            &self.cluster.installed.psql(),
        );
        (endpoint, self.log.clone())
    }
}

fn report_death(ended: &Result<Option<ExitStatus>, LocalPostgresError>, delay: Duration) {
    let delay_ms = delay.as_millis();
    match ended {
        Ok(Some(status)) => {
            tracing::warn!(%status, delay_ms, "Postgres ended unexpectedly and is started again");
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, delay_ms, "Postgres can't be started, trying again"),
    }
}
