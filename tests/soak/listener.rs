//! A listening socket that outlives the service: handed to each process in the `LISTEN_FDS`
//! convention, as systemd does.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use testkit::process::Process;
use testkit::service::Service;

/// Moves the socket from standard input to descriptor 3. The shell then becomes the service, so
/// `LISTEN_PID` is right.
const HAND_OVER: &str = "exec 3<&0 0</dev/null
LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http exec \"$0\" serve";

pub struct HeldListener(TcpListener);

impl HeldListener {
    pub fn bind(address: SocketAddr) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    /// A process that takes its connections from this socket.
    pub fn spawn(&self, service: &Service) -> Process {
        let socket = OwnedFd::from(self.0.try_clone().unwrap());
        service.spawn_through(HAND_OVER, Stdio::from(socket))
    }
}
