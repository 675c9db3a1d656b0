//! Why a command failed.

use std::io;
use std::net::SocketAddr;

use uuid::Uuid;

use crate::config::{ConfigError, NoAccount};
use crate::credentials::AccountsError;
use crate::ingest::DrainError;
use crate::spool::SpoolError;
use crate::store::StoreError;
use embedded_postgres::EmbeddedPostgresError;

use super::simulate::SimulateError;

/// Why a command failed. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration has problems; all of them are named.
    #[error("the configuration can't be used:\n{0}")]
    Config(#[from] ConfigError),
    /// Nobody could call back.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// Nobody could call back, says `check`.
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    /// The embedded Postgres does not start.
    #[error("the embedded Postgres can't be used")]
    EmbeddedPostgres(#[from] EmbeddedPostgresError),
    /// The database can't be used.
    #[error("the database can't be used")]
    Store(#[from] StoreError),
    /// An address can't be listened on.
    #[error("can't listen on {address}; set {key} to another address, or stop what uses it")]
    Listen {
        /// The configuration key and its environment variable.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A socket that was handed over is no TCP socket.
    #[error(
        "a socket handed over in LISTEN_FDS can't be listened on; give TCP sockets: the first for http.listen, the second for admin.listen"
    )]
    Inherited {
        /// Why not.
        source: io::Error,
    },
    /// The spool can't be used.
    #[error("the spool can't be used")]
    Spool(#[from] SpoolError),
    /// Callbacks could not be moved out of the spool.
    #[error("the spool is not drained")]
    Drain(#[from] DrainError),
    /// Some of the spool is still there after a drain.
    #[error(
        "not all of the spool is in Postgres: {left} files are in use or can't be opened or removed (try again when no other process is left), {set_aside} were set aside (see `routo-receiver spool status` and `spool export FILE`)"
    )]
    NotDrained {
        /// Files that were not touched.
        left: usize,
        /// Files with callbacks that can't be read or that Postgres takes nowhere.
        set_aside: usize,
    },
    /// Callbacks were asked for by ids that none has.
    #[error(
        "no rejected callback that these options choose has the id {}; `routo-receiver rejected list --replayed` shows all there are",
        list(ids)
    )]
    NoSuchCallback {
        /// The ids.
        ids: Vec<Uuid>,
    },
    /// A simulation could not be done, or found something.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// Signals can't be waited for.
    #[error("can't wait for signals")]
    Signals(#[source] io::Error),
    /// A running service does not say that it is ready.
    #[error("{0}")]
    NotReady(String),
    /// No service answers.
    #[error("no service answers on {address} (admin.listen)")]
    NotRunning {
        /// The address asked.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl AppError {
    /// The exit code of a process that ends with this error.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Simulate(error) => error.exit_code(),
            _ => 1,
        }
    }
}

fn list(ids: &[Uuid]) -> String {
    let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    texts.join(", ")
}
