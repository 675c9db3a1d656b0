//! A listening socket that outlives the service: handed to each process in the `LISTEN_FDS`
//! convention, as systemd does.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use testkit::process::Process;
use testkit::service::Service;

/// The socket comes as standard input, becomes descriptor 3, and the shell becomes the service, so
/// that the number it puts into `LISTEN_PID` is the service's.
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
