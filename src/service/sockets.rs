//! The listening sockets: bound here, or handed over by a supervisor.
//!
//! A supervisor that keeps the sockets open itself (systemd, or anything that follows its
//! `LISTEN_FDS` convention, `sd_listen_fds(3)`) can restart the service without refusing a
//! connection: what arrives in between waits in the socket. The first socket is that of
//! `http.listen`, the second, if there is one, that of `admin.listen`, the third that of `http.tls.listen`.
//!
//! Why not `SO_REUSEPORT`: it gives each process a queue of its own, and closing a socket resets the
//! connections in its queue that were not accepted yet.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, sleep};

use super::StartError;

const HTTP_KEY: &str = "http.listen (ROUTO_HTTP__LISTEN)";
const TLS_KEY: &str = "http.tls.listen (ROUTO_HTTP__TLS__LISTEN)";
const ADMIN_KEY: &str = "admin.listen (ROUTO_ADMIN__LISTEN)";

/// How often a successor checks whether its predecessor has released what it waits for.
pub(super) const TAKE_OVER_POLL: Duration = Duration::from_millis(2);

/// How long a successor waits for its predecessor to release the admin address.
const ADMIN_PATIENCE: Duration = Duration::from_secs(10);

/// The sockets that the supervisor handed over.
pub(super) struct InheritedSockets {
    http: Option<TcpListener>,
    admin: Option<TcpListener>,
    tls: Option<TcpListener>,
}

impl InheritedSockets {
    pub(super) fn take() -> Result<Self, StartError> {
        let mut handed = ListenFd::from_env();
        let mut take = |index| -> io::Result<Option<TcpListener>> {
            if index >= handed.len() {
                return Ok(None);
            }
            // The crate sets close-on-exec: an embedded Postgres that inherited the socket would
            // keep the port after the end of this process.
            let Some(listener) = handed.take_tcp_listener(index)? else { return Ok(None) };
            if !socket_acceptconn(&listener)? {
                return Err(io::Error::other("it does not listen"));
            }
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener).map(Some)
        };
        let mut socket =
            |index| take(index).map_err(|source| StartError::InheritedSocket { source });
        Ok(Self { http: socket(0)?, admin: socket(1)?, tls: socket(2)? })
    }

    /// Whether this process may be taking over from another that serves the same sockets.
    pub(super) fn is_any(&self) -> bool {
        self.http.is_some()
    }

    /// The socket for callbacks.
    pub(super) fn http(&mut self, address: SocketAddr) -> Result<TcpListener, StartError> {
        match self.http.take() {
            Some(listener) => Ok(listener),
            None => bind(HTTP_KEY, address),
        }
    }

    /// The socket for the operator. If only the other socket was handed over, the predecessor may
    /// keep this address a moment longer.
    pub(super) async fn admin(
        &mut self,
        address: SocketAddr,
        taking_over: bool,
    ) -> Result<TcpListener, StartError> {
        match self.admin.take() {
            Some(listener) => Ok(listener),
            None => Self::bind_after(ADMIN_KEY, address, taking_over).await,
        }
    }

    /// The socket for HTTPS, like that for the operator.
    pub(super) async fn tls(
        &mut self,
        address: SocketAddr,
        taking_over: bool,
    ) -> Result<TcpListener, StartError> {
        match self.tls.take() {
            Some(listener) => Ok(listener),
            None => Self::bind_after(TLS_KEY, address, taking_over).await,
        }
    }

    async fn bind_after(
        key: &'static str,
        address: SocketAddr,
        taking_over: bool,
    ) -> Result<TcpListener, StartError> {
        let deadline = Instant::now() + ADMIN_PATIENCE;
        loop {
            match bind(key, address) {
                Err(StartError::Listen { source, .. })
                    if taking_over
                        && source.kind() == io::ErrorKind::AddrInUse
                        && Instant::now() < deadline =>
                {
                    sleep(TAKE_OVER_POLL).await;
                }
                bound => return bound,
            }
        }
    }
}

/// The address of a listener, with the port that the system chose if the configured one is 0.
pub(super) fn address_of(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a listening socket has an address")
}

fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    listen(address).map_err(|source| StartError::Listen { key, address, source })
}

/// Listens with the longest queue that the system allows (`somaxconn`).
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(i32::MAX.unsigned_abs())
}
