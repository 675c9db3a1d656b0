//! The async handle of the supervising thread: waits until the server is ready, and stops it.
//!
//! The supervisor has its own thread because the parent-death signal is bound to the thread that
//! spawned the child, and because its work blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::EmbeddedPostgresOptions;
use super::child_guard::ChildGuard;
use super::endpoint::Endpoint;
use super::error::EmbeddedPostgresError;
use super::readiness::{Readiness, SILENCE, wait_until_accepting};
use super::supervisor::{DELAY, StartAttempt, Supervisor};
use super::survivors::STOP_SEQUENCE;

/// Dropping it requests a fast shutdown.
#[derive(Debug)]
pub(super) struct Supervised {
    child_guard: Arc<ChildGuard>,
    ready: Arc<AtomicBool>,
    /// Closed when the thread and every process of the server have ended.
    attempts: UnboundedReceiver<StartAttempt>,
}

impl Supervised {
    pub(super) fn spawn(options: EmbeddedPostgresOptions) -> Result<Self, EmbeddedPostgresError> {
        let (sender, attempts) = unbounded_channel();
        let child_guard = Arc::new(ChildGuard::default());
        let ready = Arc::new(AtomicBool::new(false));
        let supervisor = Supervisor {
            options,
            child_guard: Arc::clone(&child_guard),
            ready: Arc::clone(&ready),
            attempts: sender,
        };
        thread::Builder::new()
            .name("embedded-pg".into())
            .spawn(move || supervisor.run())
            .map_err(EmbeddedPostgresError::Thread)?;
        Ok(Self { child_guard, ready, attempts })
    }

    /// Waits until the server accepts connections; from then on it is restarted when it dies.
    pub(super) async fn ready(&mut self) -> Result<Endpoint, EmbeddedPostgresError> {
        let stopped = || Err(EmbeddedPostgresError::Stopped);
        let (mut endpoint, mut log) = self.attempts.recv().await.unwrap_or_else(stopped)?;
        loop {
            let readiness = tokio::select! {
                biased;
                next = self.attempts.recv() => {
                    (endpoint, log) = next.unwrap_or_else(stopped)?;
                    continue;
                }
                readiness = wait_until_accepting(&endpoint.url) => readiness,
            };
            let refusal = match readiness {
                Readiness::Accepting => {
                    self.ready.store(true, Ordering::Release);
                    return Ok(endpoint);
                }
                Readiness::Silent => {
                    return Err(EmbeddedPostgresError::NotReady {
                        silence: SILENCE,
                        log: log.tail(),
                    });
                }
                Readiness::Refused(error) => error,
            };
            // Another program may have responded, and the server is about to fail because the port is taken.
            match timeout(DELAY * 10, self.attempts.recv()).await {
                Ok(next) => (endpoint, log) = next.unwrap_or_else(stopped)?,
                Err(_) => return Err(EmbeddedPostgresError::Refused(refusal)),
            }
        }
    }

    /// Returns when no process of the server is left. If cancelled, the shutdown continues.
    pub(super) async fn stop(&mut self) {
        for (signal, patience) in STOP_SEQUENCE {
            self.child_guard.stop(signal);
            if timeout(patience, self.ended()).await.is_ok() {
                return;
            }
        }
        self.ended().await;
    }

    async fn ended(&mut self) {
        while self.attempts.recv().await.is_some() {}
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.child_guard.stop(Signal::INT);
    }
}
