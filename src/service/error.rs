//! Why the service, or the database a command needs, did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use embedded_postgres::EmbeddedPostgresError;

use crate::credentials::AccountsError;
use crate::spool::SpoolError;
use crate::store::StoreError;
use crate::tls::TlsError;

/// Why nothing was started. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No HTTP date and no `UUIDv7` has such a time.
    #[error("the system's clock is set to a time before 1970; set it, and start again")]
    ClockBefore1970,
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// Its text may have lines of Postgres' log.
    #[error("the embedded Postgres can't be used: {0}")]
    EmbeddedPostgres(#[from] EmbeddedPostgresError),
    #[error("HTTPS can't be served")]
    Tls(#[from] TlsError),
    #[error("the database can't be used")]
    Store(#[from] StoreError),
    #[error("the spool can't be used")]
    Spool(#[from] SpoolError),
    #[error("can't listen on {address}; set {key} to another address, or stop what uses it")]
    Listen {
        /// The configuration key and its environment variable.
        key: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    /// There is no database to use without starting one.
    #[error(
        "no service has run its embedded database in {}; use the service's data_dir (ROUTO_DATA_DIR), or set database.url (DATABASE_URL)",
        data_dir.display()
    )]
    NoDatabase { data_dir: PathBuf },
    #[error(
        "the embedded database in {} runs only while the service does; start routo-receiver there",
        data_dir.display()
    )]
    DatabaseStopped { data_dir: PathBuf },
    /// A socket that was handed over is not a listening TCP socket.
    #[error(
        "can't listen on a socket passed in LISTEN_FDS; pass TCP sockets: the first for http.listen, the second for admin.listen, the third for http.tls.listen"
    )]
    InheritedSocket { source: io::Error },
}
