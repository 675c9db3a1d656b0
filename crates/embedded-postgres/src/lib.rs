//! The embedded default: a private Postgres in the data directory, run as a supervised child.
//!
//! It provides a URL and knows nothing of the tables, so the rest of the program is the same as with an
//! external database.
//!
//! Its files in the data directory:
//!
//! | name              | what                                                                      |
//! |-------------------|---------------------------------------------------------------------------|
//! | `postgres`        | the cluster, or a symbolic link to it; exists only if it is complete      |
//! | `postgres.new`    | a cluster being initialised; removed at the next start after a kill       |
//! | `postgres.lock`   | locked by the owning process, which also locks the cluster                |
//! | `postgres.pgpass` | the password, mode 0600, in the format of `psql`                          |
//! | `postgres.port`   | the port, reused as long as no other process takes it                     |
//! | `postgres.log`    | the output of `initdb` and the server; never values in statements         |

mod binaries;
mod child_guard;
mod cluster;
mod data_dir;
mod endpoint;
mod error;
mod installed;
mod log;
mod os_user;
mod processes;
mod readiness;
mod server;
mod supervised;
mod supervisor;
mod survivors;

use std::net::TcpStream;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use self::endpoint::url;
pub use self::error::EmbeddedPostgresError;
pub use self::installed::Installed;
pub use self::log::LogTail;
use self::supervised::Supervised;

#[derive(Clone, Debug)]
pub struct EmbeddedPostgresOptions {
    /// The service's data directory; created if it is missing.
    pub data_dir: PathBuf,
    /// The directory of `initdb` and `postgres` (`PG_BIN_DIR`). If given, no other is tried.
    pub bin_dir: Option<PathBuf>,
}

/// A running Postgres, which is restarted if it dies.
///
/// Dropping it asks Postgres to shut down and does not wait; [`stop`](Self::stop) waits. If this
/// process is killed, the kernel signals Postgres to shut down (on Linux; elsewhere, the next start
/// stops the leftover server).
#[derive(Debug)]
pub struct EmbeddedPostgres {
    url: SecretString,
    psql_command_line: String,
    supervised: Supervised,
}

impl EmbeddedPostgres {
    /// Starts Postgres, and returns when the database `routo` accepts connections.
    ///
    /// The first start initialises the cluster (about a second). A server that does not respond for
    /// 30 s is an error; one that reports recovery may take up to ten minutes.
    ///
    /// Cancellation safe: dropping the future stops what it started.
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

    /// `postgres://routo:<password>@127.0.0.1:<port>/routo`; never changes.
    #[must_use]
    pub fn url(&self) -> &SecretString {
        &self.url
    }

    /// A shell command that opens the database in `psql`, for the user that runs this service.
    ///
    /// It names the file that holds the password, not the password.
    #[must_use]
    pub fn psql_command_line(&self) -> &str {
        &self.psql_command_line
    }

    /// Shuts Postgres down; returns when none of its processes is left.
    ///
    /// Requests a fast shutdown (closes connections, writes everything), then an immediate one after
    /// 10 s, then kills the server after another 3 s. No data is lost: a killed server recovers at its
    /// next start.
    ///
    /// If the future is dropped, the shutdown continues in the background.
    pub async fn stop(mut self) {
        self.supervised.stop().await;
    }
}

/// The program to run as `psql`: the bare name if it is in the `PATH`, otherwise the one beside
/// `initdb`.
#[must_use]
pub fn psql(bin_dir: Option<&Path>) -> PathBuf {
    binaries::find(bin_dir, None).map_or_else(|_| "psql".into(), |installed| installed.psql())
}

/// The URL of the Postgres that another process runs in this data directory, if one was ever started
/// there.
#[must_use]
pub fn url_of_running(data_dir: &Path) -> Option<SecretString> {
    let password = data_dir::password_in(data_dir).ok().flatten()?;
    Some(url(data_dir::port_in(data_dir)?, &password))
}

/// Whether a Postgres accepts connections where [`url_of_running`] points.
#[must_use]
pub fn is_running(data_dir: &Path) -> bool {
    data_dir::port_in(data_dir).is_some_and(|port| TcpStream::connect(("127.0.0.1", port)).is_ok())
}
