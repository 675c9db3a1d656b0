//! Why there is no embedded Postgres, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::installed::Installed;
use super::log::LogTail;

/// The embedded Postgres can't be started. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedPostgresError {
    /// No usual place holds both `initdb` and `postgres`.
    #[error(
        "no Postgres on this machine: set DATABASE_URL to a database that runs elsewhere, or install \
         Postgres here (`apt-get install postgresql`, `dnf install postgresql-server` or \
         `brew install postgresql@16`), or set PG_BIN_DIR to the directory of its programs; looked \
         for `initdb` and `postgres` in {}",
        list(looked_in.iter().map(|place| place.display()))
    )]
    BinariesNotFound {
        /// Every place, in the order of the search; `*` stands for a version.
        looked_in: Vec<PathBuf>,
    },
    /// The directory that was named lacks a program.
    #[error(
        "PG_BIN_DIR is {}, which does not contain `{missing}`; set it to a directory that holds both \
         `initdb` and `postgres`, or unset it to search the usual places",
        bin_dir.display()
    )]
    BinDirIncomplete {
        /// The directory as configured.
        bin_dir: PathBuf,
        /// The program that is not in it.
        missing: &'static str,
    },
    /// The output of `postgres --version` names no version.
    #[error("`{} --version` does not name a version of Postgres; set PG_BIN_DIR to another installation", program.display())]
    VersionUnknown {
        /// The program that was asked.
        program: PathBuf,
    },
    /// Every installed version is older than 13.
    #[error(
        "Postgres 13 or later is needed, but only this is installed: {}; install a later one, or \
         set DATABASE_URL",
        list(found)
    )]
    TooOld {
        /// What is installed.
        found: Vec<Installed>,
    },
    /// The data was written by another major version than any installed one.
    #[error(
        "the data in {} belongs to Postgres {needed}, but only this is installed: {}; install \
         Postgres {needed}, or move the data to the new version with pg_upgrade or a dump",
        cluster.display(), list(found)
    )]
    OtherMajor {
        /// The cluster.
        cluster: PathBuf,
        /// The major version that wrote it.
        needed: u32,
        /// What is installed.
        found: Vec<Installed>,
    },
    /// A file or directory of ours can't be made, read or written.
    #[error(
        "{} can't be used: {source}; set ROUTO_DATA_DIR to a directory that this user can write \
         to, or DATABASE_URL to a database that runs elsewhere",
        path.display()
    )]
    DataDir {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process owns the data directory.
    #[error(
        "{} is in use by another running routo-receiver; stop that one, or set ROUTO_DATA_DIR to a \
         directory of its own",
        data_dir.display()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The cluster's directory contains other files.
    #[error("{} is not empty, but not a Postgres data directory; move it away, or set ROUTO_DATA_DIR", path.display())]
    NotACluster {
        /// The directory.
        path: PathBuf,
    },
    /// The link to the cluster is dangling.
    #[error(
        "{} points to {}, which does not exist; restore that directory (is a volume missing?), or \
         remove the link to start with an empty database",
        link.display(), target.display()
    )]
    ClusterGone {
        /// The link in the data directory.
        link: PathBuf,
        /// Where the cluster was.
        target: PathBuf,
    },
    /// The cluster belongs to a user that Postgres can't run as here.
    #[error(
        "{} belongs to uid {owner}, and Postgres runs only as the owner of its data, never as \
         root; give it to another user with `chown -R`, or start routo-receiver as its owner",
        cluster.display()
    )]
    ClusterOwner {
        /// The cluster.
        cluster: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// This process is root, and there is no user to run Postgres as.
    #[error(
        "Postgres refuses to run as root, and this machine has neither a user `postgres` nor \
         `nobody`; start routo-receiver as an ordinary user, or set DATABASE_URL"
    )]
    NoUser,
    /// The owner of the cluster may not enter a directory above it.
    #[error(
        "uid {uid}, which Postgres runs as, can't reach its data in {}; open the directories above \
         it (`chmod o+x`), or set ROUTO_DATA_DIR",
        cluster.display()
    )]
    Unreachable {
        /// The cluster.
        cluster: PathBuf,
        /// The user that Postgres runs as.
        uid: u32,
    },
    /// The password file is missing or holds no password.
    #[error(
        "{} does not contain the password of the database in the same directory: restore the file, \
         or move `postgres` away to start with an empty database",
        path.display()
    )]
    PasswordLost {
        /// The password file.
        path: PathBuf,
    },
    /// A program can't be started at all.
    #[error("{} can't be run: {source}; set PG_BIN_DIR to another installation", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The system refuses another thread.
    #[error("can't start the thread that supervises Postgres")]
    Thread(#[source] io::Error),
    /// `initdb` failed.
    #[error("a new database can't be initialised ({status}); initdb says:\n{log}")]
    InitFailed {
        /// The exit status.
        status: ExitStatus,
        /// The last lines of the log.
        log: LogTail,
    },
    /// Processes of an earlier run survived even SIGKILL.
    #[error(
        "processes of an earlier run still use {} and can't be killed: {}; kill them yourself, or \
         restart the machine",
        cluster.display(), list(pids)
    )]
    Survivors {
        /// The cluster.
        cluster: PathBuf,
        /// The processes.
        pids: Vec<i32>,
    },
    /// The server ended before it accepted a connection.
    #[error("Postgres exited right after it was started ({status}); its log says:\n{log}")]
    ServerFailed {
        /// The exit status.
        status: ExitStatus,
        /// The last lines of the log.
        log: LogTail,
    },
    /// The server runs, but does not accept connections.
    #[error("Postgres has not accepted a connection for {silence:?}; its log says:\n{log}")]
    NotReady {
        /// How long the server did not respond.
        silence: Duration,
        /// The last lines of the log.
        log: LogTail,
    },
    /// The server accepts connections, but refuses ours.
    #[error(
        "the embedded Postgres rejects the service's password; if postgres.pgpass in the data \
         directory was replaced, restore the old one"
    )]
    Refused(#[source] sqlx::Error),
    /// It was stopped before it was ready.
    #[error("Postgres was stopped before it was ready")]
    Stopped,
}

impl EmbeddedPostgresError {
    /// For `map_err`: the path is the part of the message that helps.
    pub(super) fn data_dir(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::DataDir { path, source }
    }
}

fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    texts.join(", ")
}
