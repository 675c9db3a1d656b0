//! Keeps the server running: the work of the supervising thread.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::EmbeddedPostgresOptions;
use super::child_guard::ChildGuard;
use super::cluster::Cluster;
use super::data_dir::DataDir;
use super::endpoint::{Endpoint, free_port, is_free};
use super::error::EmbeddedPostgresError;
use super::log::Log;
use super::server;
use super::survivors::{STOP_SEQUENCE, settle};

/// Attempts at the first start: another program may take the chosen port before the server does.
const FIRST_ATTEMPTS: u32 = 3;

/// The first and the longest delay before a restart.
pub(super) const DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// After this uptime the delay starts over.
const LONG_LIFE: Duration = Duration::from_mins(1);

/// Where a server is being started and where it logs, or why none can be.
pub(super) type StartAttempt = Result<(Endpoint, Log), EmbeddedPostgresError>;

pub(super) struct Supervisor {
    pub(super) options: EmbeddedPostgresOptions,
    pub(super) child_guard: Arc<ChildGuard>,
    /// Set by the handle when the server has accepted a connection.
    pub(super) ready: Arc<AtomicBool>,
    pub(super) attempts: UnboundedSender<StartAttempt>,
}

impl Supervisor {
    /// Returns when it was stopped and no process of the server is left, or when the first start has
    /// failed.
    pub(super) fn run(self) {
        if let Err(error) = self.supervise() {
            let was_stopped = matches!(error, EmbeddedPostgresError::Stopped);
            if self.child_guard.is_stopping() && !was_stopped {
                tracing::warn!(%error, "Postgres was not shut down cleanly");
            }
            // Fails if the handle was dropped; then nobody reads the error.
            let _ = self.attempts.send(Err(error));
        }
    }

    fn supervise(&self) -> Result<(), EmbeddedPostgresError> {
        let data_dir = DataDir::open(&self.options.data_dir)?;
        let log =
            Log::new(data_dir.log()).map_err(EmbeddedPostgresError::data_dir(data_dir.log()))?;
        let bin_dir = self.options.bin_dir.as_deref();
        let cluster = Cluster::open(&data_dir, bin_dir, &self.child_guard, &log)?;
        let server = Server { data_dir, log, cluster, child_guard: &self.child_guard };
        // Before the port is checked: a leftover server may still have it.
        settle(&server.cluster.path, &STOP_SEQUENCE)?;
        let port = self.start_first(&server)?;
        let mut delay = DELAY;
        while !self.child_guard.is_stopping() {
            self.child_guard.pause(delay);
            let begin = Instant::now();
            let ended = server.run(port);
            if !self.child_guard.is_stopping() {
                let patient = LONGEST_DELAY.min(delay * 2);
                delay = if begin.elapsed() > LONG_LIFE { DELAY } else { patient };
                report_death(&ended, delay);
            }
        }
        settle(&server.cluster.path, &STOP_SEQUENCE)
    }

    /// Runs the server until it has been ready and has ended. Returns its port.
    fn start_first(&self, server: &Server<'_>) -> Result<u16, EmbeddedPostgresError> {
        let remembered = server.data_dir.port();
        let mut port = remembered.unwrap_or_else(free_port);
        for attempt in 1.. {
            if !is_free(port) {
                port = free_port();
            }
            if server.data_dir.port() != Some(port) {
                server.data_dir.remember_port(port)?;
            }
            // The handle finds the port closed until the server listens.
            let _ = self.attempts.send(Ok(server.attempt(port)));
            let ended = server.run(port);
            if self.child_guard.is_stopping() {
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
                return Err(EmbeddedPostgresError::ServerFailed { status, log });
            }
            self.child_guard.pause(DELAY);
        }
        Ok(port)
    }
}

struct Server<'a> {
    data_dir: DataDir,
    log: Log,
    cluster: Cluster,
    child_guard: &'a ChildGuard,
}

impl Server<'_> {
    /// Runs the server to its end. `None`: it was not started, because the guard was stopped.
    fn run(&self, port: u16) -> Result<Option<ExitStatus>, EmbeddedPostgresError> {
        let (path, user) = (&self.cluster.path, self.cluster.user);
        settle(path, &STOP_SEQUENCE)?;
        let program = self.cluster.installed.program("postgres");
        let mut command = server::server(&program, path, user, port, &self.log)
            .map_err(EmbeddedPostgresError::data_dir(self.data_dir.log()))?;
        match self.child_guard.run(&mut command) {
            Ok(status) => Ok(status),
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && !user.can_enter(path, &program)? =>
            {
                let (cluster, uid) = (path.clone(), user.uid());
                Err(EmbeddedPostgresError::Unreachable { cluster, uid })
            }
            Err(source) => Err(EmbeddedPostgresError::Spawn { program, source }),
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

fn report_death(ended: &Result<Option<ExitStatus>, EmbeddedPostgresError>, delay: Duration) {
    let delay_ms = delay.as_millis();
    match ended {
        Ok(Some(status)) => {
            tracing::warn!(%status, delay_ms, "Postgres ended unexpectedly; restarting it");
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, delay_ms, "can't start Postgres; retrying"),
    }
}
