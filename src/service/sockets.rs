//! The listening sockets: made here, or handed over by a supervisor.
//!
//! A supervisor that keeps the sockets open itself (systemd, or anything that follows its
//! `LISTEN_FDS` convention, `sd_listen_fds(3)`) can restart the service without a connection being
//! refused: what arrives in between waits in the socket. The first socket is that of `http.listen`,
//! the second, if there is one, that of `admin.listen`.
//!
//! Why not `SO_REUSEPORT`: there each process has a queue of its own, and closing a socket resets the
//! connections in its queue that nobody has accepted yet.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::commands::AppError;

const HTTP_KEY: &str = "http.listen (ROUTO_HTTP__LISTEN)";
const ADMIN_KEY: &str = "admin.listen (ROUTO_ADMIN__LISTEN)";

/// How often a successor looks whether what it waits for is free.
pub(super) const TAKE_OVER_POLL: Duration = Duration::from_millis(2);

/// How long a successor waits for the admin address of its predecessor.
const ADMIN_PATIENCE: Duration = Duration::from_secs(10);

/// The sockets that the supervisor handed over.
pub(super) struct Inherited {
    http: Option<TcpListener>,
    admin: Option<TcpListener>,
}

impl Inherited {
    pub(super) fn take() -> Result<Self, AppError> {
        let mut handed = ListenFd::from_env();
        let mut take = |place| -> io::Result<Option<TcpListener>> {
            if place >= handed.len() {
                return Ok(None);
            }
            // Close-on-exec by now: an embedded Postgres that had it too would keep the port when
            // this process is gone.
            let Some(listener) = handed.take_tcp_listener(place)? else { return Ok(None) };
            if !socket_acceptconn(&listener)? {
                return Err(io::Error::other("nobody listens on it"));
            }
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener).map(Some)
        };
        let mut socket = |place| take(place).map_err(|source| AppError::Inherited { source });
        Ok(Self { http: socket(0)?, admin: socket(1)? })
    }

    /// Whether another process may be serving the same sockets, which this one takes over from.
    pub(super) fn is_any(&self) -> bool {
        self.http.is_some()
    }

    /// The socket for callbacks.
    pub(super) async fn http(&mut self, address: SocketAddr) -> Result<TcpListener, AppError> {
        match self.http.take() {
            Some(listener) => Ok(listener),
            None => bind(HTTP_KEY, address).await,
        }
    }

    /// The socket for the operator. One that is not handed over while the other is may still be the
    /// predecessor's, for a moment.
    pub(super) async fn admin(
        &mut self,
        address: SocketAddr,
        taking_over: bool,
    ) -> Result<TcpListener, AppError> {
        if let Some(listener) = self.admin.take() {
            return Ok(listener);
        }
        let deadline = Instant::now() + ADMIN_PATIENCE;
        loop {
            match bind(ADMIN_KEY, address).await {
                Err(AppError::Listen { source, .. })
                    if taking_over
                        && source.kind() == io::ErrorKind::AddrInUse
                        && Instant::now() < deadline =>
                {
                    sleep(TAKE_OVER_POLL).await;
                }
                other => return other,
            }
        }
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).await.map_err(|source| AppError::Listen { key, address, source })
}
