//! The embedded default: a private Postgres in the data directory, run as a supervised child.
//!
//! Used only when no `DATABASE_URL` is given. It knows nothing of our tables: what comes out is a
//! URL, and from there on the code path is that of production.
//!
//! In the data directory it owns:
//!
//! | name              | what                                                                      |
//! |-------------------|---------------------------------------------------------------------------|
//! | `postgres`        | the cluster, or a symbolic link to it; it exists only when it is complete |
//! | `postgres.new`    | a cluster being initialised; left over only by a kill, then removed       |
//! | `postgres.lock`   | locked by the one process that owns all this; the cluster is locked, too  |
//! | `postgres.pgpass` | the password, mode 0600, in the form that `psql` reads                    |
//! | `postgres.port`   | the port, kept as long as nobody else takes it                            |
//! | `postgres.log`    | what `initdb` and the server say; never values out of statements          |

mod binaries;
mod child_guard;
mod cluster;
mod data_dir;
mod endpoint;
mod error;
mod log;
mod os_user;
mod processes;
mod readiness;
mod server;
mod supervised;
mod supervisor;
mod survivors;

use std::path::{Path, PathBuf};

use secrecy::SecretString;

pub use self::binaries::Installed;
use self::endpoint::url;
pub use self::error::EmbeddedPostgresError;
pub use self::log::LogTail;
use self::supervised::Supervised;

/// Where the embedded Postgres lives and where its programs are.
#[derive(Clone, Debug)]
pub struct EmbeddedPostgresOptions {
    /// The service's data directory; made if it is missing.
    pub data_dir: PathBuf,
    /// The directory of `initdb` and `postgres` (`PG_BIN_DIR`). When given, no other is tried.
    pub bin_dir: Option<PathBuf>,
}

/// A Postgres that accepts connections, and is started again if it dies.
///
/// Dropping it asks Postgres to shut down without waiting for it; [`stop`](Self::stop) waits. If
/// this whole process is killed, the kernel tells Postgres to shut down (on Linux; elsewhere the
/// next start stops what was left).
#[derive(Debug)]
pub struct EmbeddedPostgres {
    url: SecretString,
    psql_command_line: String,
    supervised: Supervised,
}

impl EmbeddedPostgres {
    /// Starts Postgres, and returns when the database `routo` accepts connections.
    ///
    /// The first start initialises the cluster (about a second). A server that is silent for 30 s
    /// is an error; one that says it is recovering is waited for, up to ten minutes.
    ///
    /// Cancellation safe: dropping the future stops what it has started.
    pub async fn start(options: EmbeddedPostgresOptions) -> Result<Self, EmbeddedPostgresError> {
        let mut supervised = Supervised::spawn(options)?;
        match supervised.ready().await {
            Ok(endpoint) => Ok(Self {
                url: endpoint.url,
                psql_command_line: endpoint.psql_command_line,
                supervised,
            }),
            Err(error) => {
                supervised.stop().await;
                Err(error)
            }
        }
    }

    /// `postgres://routo:<password>@127.0.0.1:<port>/routo`; the same for the whole life of this value.
    #[must_use]
    pub fn url(&self) -> &SecretString {
        &self.url
    }

    /// What a person pastes into a shell to look inside, as the user that runs this service.
    ///
    /// It names the file that holds the password, not the password.
    #[must_use]
    pub fn psql_command_line(&self) -> &str {
        &self.psql_command_line
    }

    /// Shuts Postgres down; returns when none of its processes is left.
    ///
    /// Asks for a fast shutdown first (connections are cut, everything is written), and insists
    /// after 10 s and again after 3 s more. Data is safe in every case: a server that had to be
    /// killed recovers at its next start.
    ///
    /// If the future is dropped half-way, the shutdown goes on by itself.
    pub async fn stop(mut self) {
        self.supervised.stop().await;
    }
}

/// Where the Postgres is reached that another process runs in this data directory, if it has once
/// started there.
#[must_use]
pub fn url_of_running(data_dir: &Path) -> Option<SecretString> {
    let password = data_dir::password_in(data_dir).ok().flatten()?;
    Some(url(data_dir::port_in(data_dir)?, &password))
}
