//! The settings: every key of every section.
//!
//! To add a key, add a line to its section here and to `config/default.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use tracing_subscriber::filter::Targets;

use crate::domain::Networks;
use crate::store::PartitionWidth;

use super::accounts::{self, Account};
use super::kinds::{
    address, base_url, boolean, directory, duration, file, log_level, networks, number, one_of,
    postgres_url,
};
use super::reader::{Effective, Reader};
use super::section::{Key, section};
use super::warning::Warning;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
const MILLISECOND: Duration = Duration::from_millis(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// 100 years of 365.25 days, as `humantime` counts them.
const CENTURY: Duration = Duration::from_hours(876_600);

/// Everything that can be configured, already validated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Holds the spool, the embedded Postgres and generated credentials.
    pub data_dir: PathBuf,
    pub http: HttpSettings,
    pub tls: TlsSettings,
    pub admin: AdminSettings,
    pub database: DatabaseSettings,
    /// Sorted by name. No two share a user or a report token. May be empty.
    pub accounts: Vec<Account>,
    pub ingest: IngestSettings,
    pub spool: SpoolSettings,
    pub partitions: PartitionSettings,
    pub retention: RetentionSettings,
    pub log: LogSettings,
    /// What works, but should be changed.
    pub warnings: Vec<Warning>,
    /// Every key in force, for [`report`](super::report()).
    pub effective: Vec<Effective>,
}

section! {
    /// The listener for the gateway.
    pub struct HttpSettings {
        listen: SocketAddr = address(),
        max_connections: usize = number(1..=1_000_000),
        /// Request line and headers.
        max_head_bytes: usize = number(8 * KIB..=MIB),
        max_body_bytes: usize = number(KIB..=16 * MIB),
        /// Where the credentials are not in the head.
        max_unauthenticated_body_bytes: usize = number(KIB..=16 * MIB),
        /// Heads, bodies and queue of all connections together.
        max_buffered_bytes: usize = number(MIB..=64 * GIB),
        head_timeout: Duration = duration(MILLISECOND..=HOUR),
        /// Between two requests of a connection.
        idle_timeout: Duration = duration(MILLISECOND..=HOUR),
        /// For the body, and again for the answer.
        request_timeout: Duration = duration(MILLISECOND..=TEN_MINUTES),
        shutdown_timeout: Duration = duration(Duration::ZERO..=TEN_MINUTES),
        /// Without a `/` at the end. Only for printing the URLs to register.
        public_url: Option<String> = base_url(),
        /// The proxies whose `X-Forwarded-For` is believed.
        trusted_proxies: Option<Networks> = networks(),
    }
}

section! {
    /// HTTPS by the service itself, beside plain HTTP. Off without files.
    pub struct TlsSettings {
        /// PEM: the certificate, then its chain.
        certificate_file: Option<PathBuf> = file(),
        /// PEM. Set exactly where `certificate_file` is.
        key_file: Option<PathBuf> = file(),
        listen: SocketAddr = address(),
    }
}

section! {
    /// The listener for the operator.
    pub struct AdminSettings {
        /// Never the port of `http.listen`, unless that is 0.
        listen: SocketAddr = address(),
    }
}

section! {
    pub struct DatabaseSettings {
        /// `PgConnectOptions` can be made of it. See [`Self::source`].
        url: Option<SecretString> = postgres_url(),
        bin_dir: Option<PathBuf> = directory(),
        /// Whether `serve` migrates the schema before it starts.
        migrate_on_start: bool = boolean(),
    }
}

section! {
    pub struct IngestSettings {
        /// Callbacks that may wait.
        queue_capacity: usize = number(1..=1_000_000),
        max_batch_rows: usize = number(1..=10_000),
        /// How long Postgres may take before the spool is used. Shorter than
        /// `http.request_timeout`.
        commit_deadline: Duration = duration(MILLISECOND..=TEN_MINUTES),
    }
}

section! {
    /// The files that take callbacks while Postgres can't.
    pub struct SpoolSettings {
        /// All files together.
        max_bytes: u64 = number(16 * MIB..=TIB),
        /// Left free on the disk.
        min_free_bytes: u64 = number(0..=TIB),
    }
}

section! {
    pub struct PartitionSettings {
        width: PartitionWidth = one_of(
            "month or day",
            &[("month", PartitionWidth::Month), ("day", PartitionWidth::Day)],
        ),
        /// Partitions kept ready beside the current one.
        ahead: u32 = number(1..=120),
    }
}

section! {
    /// How long the rows of each table are kept. Unset: for ever.
    pub struct RetentionSettings {
        delivery_reports: Option<Duration> = duration(DAY..=CENTURY),
        inbound_messages: Option<Duration> = duration(DAY..=CENTURY),
        rejected_callbacks: Option<Duration> = duration(DAY..=CENTURY),
    }
}

section! {
    pub struct LogSettings {
        level: Targets = log_level(),
        format: LogFormat = one_of(
            "auto, pretty or json",
            &[
                ("auto", LogFormat::Auto),
                ("pretty", LogFormat::Pretty),
                ("json", LogFormat::Json),
            ],
        ),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    Pretty,
    /// One object a line.
    Json,
}

/// Which Postgres.
#[derive(Clone, Copy, Debug)]
pub enum DatabaseSource<'a> {
    /// A private one in the data directory.
    Embedded {
        /// Where `initdb` and `postgres` are. `None`: search the usual places.
        bin_dir: Option<&'a Path>,
    },
    /// The one with this URL.
    External(&'a SecretString),
}

impl DatabaseSettings {
    #[must_use]
    pub fn source(&self) -> DatabaseSource<'_> {
        match &self.url {
            Some(url) => DatabaseSource::External(url),
            None => DatabaseSource::Embedded { bin_dir: self.bin_dir.as_deref() },
        }
    }

    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.url.is_none()
    }
}

/// The file that keeps the account of a first run.
#[must_use]
pub fn credentials_file(data_dir: &Path) -> PathBuf {
    data_dir.join("credentials.toml")
}

/// Every key, in the order in which problems and the report name them.
pub(super) fn keys() -> Vec<Key> {
    [
        Key::declared::<PathBuf, _>("data_dir", &directory()),
        HttpSettings::keys("http"),
        TlsSettings::keys("http.tls"),
        AdminSettings::keys("admin"),
        DatabaseSettings::keys("database"),
        accounts::keys(),
        IngestSettings::keys("ingest"),
        SpoolSettings::keys("spool"),
        PartitionSettings::keys("partitions"),
        RetentionSettings::keys("retention"),
        LogSettings::keys("log"),
    ]
    .concat()
}
