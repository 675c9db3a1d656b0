//! Why a command failed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use uuid::Uuid;

use crate::config::{ConfigError, NoAccount};
use crate::credentials::AccountsError;
use crate::ingest::DrainError;
use crate::service::StartError;
use crate::spool::SpoolError;
use crate::store::StoreError;

use super::simulate::SimulateError;

/// Why a command failed. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Names all problems of the configuration.
    #[error("the configuration is invalid:\n{0}")]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// `check` found no account.
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error("the database can't be used")]
    Store(#[from] StoreError),
    #[error("the spool can't be used")]
    Spool(#[from] SpoolError),
    #[error("the spool is not drained")]
    Drain(#[from] DrainError),
    #[error(
        "not all of the spool is in Postgres: {left} files are in use or can't be opened or removed (try again when no other process uses the spool), {set_aside} were set aside (see `routo-receiver spool status` and `spool export FILE`)"
    )]
    NotDrained {
        /// Files that the drain did not touch.
        left: usize,
        /// Files with callbacks that can't be read, or that Postgres does not take in any table.
        set_aside: usize,
    },
    /// These ids were given, and no callback that the other options choose has them.
    #[error(
        "these options select no rejected callback with the id {}; `routo-receiver rejected list --replayed` shows all of them",
        list(ids)
    )]
    NoSuchCallback { ids: Vec<Uuid> },
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The location has no secrets.
    #[error("the database can't be used ({location})")]
    Unusable { location: String, source: StoreError },
    #[error("can't run {}: install psql (the package postgresql-client, or postgresql), or set PG_BIN_DIR", program.display())]
    Psql { program: PathBuf, source: io::Error },
    #[error("not all is well (problems: {problems})")]
    NotWell { problems: usize },
    #[error("can't wait for signals")]
    Signals(#[source] io::Error),
    #[error("can't write to standard output")]
    Output(#[source] io::Error),
    /// The service answers that it is not ready; the text is its reason.
    #[error("{0}")]
    NotReady(String),
    #[error("another program answers on {address}; set admin.listen to the service's")]
    AnotherProgram { address: SocketAddr },
    #[error("no service answers on {address} (admin.listen)")]
    NotRunning { address: SocketAddr, source: io::Error },
}

impl CommandError {
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
