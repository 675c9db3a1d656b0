//! The settings: validated once, here on nothing can be wrong with them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tracing_subscriber::filter::Targets;

use crate::accounts::EncodingOverrides;
use crate::domain::{AccountName, Networks};
use crate::store::PartitionWidth;

use super::origin::Origin;
use super::warning::Warning;

/// Everything that can be configured. `config/default.toml` explains each key.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The listener for the gateway.
    pub http: HttpSettings,
    /// The listener for the operator.
    pub admin: AdminSettings,
    /// Where spool, embedded Postgres and generated credentials are.
    pub data_dir: PathBuf,
    /// Where callbacks are kept.
    pub database: DatabaseSettings,
    /// Who may send callbacks, by name. No two share a user or a report token. May be empty: see
    /// [`accounts_or_generated`](crate::credentials::accounts_or_generated).
    pub accounts: Vec<Account>,
    /// The way from a callback to the disk.
    pub ingest: IngestSettings,
    /// The files that take callbacks while Postgres can't.
    pub spool: SpoolSettings,
    /// The tables' partitions.
    pub partitions: PartitionSettings,
    /// How long rows are kept.
    pub retention: RetentionSettings,
    /// The log.
    pub log: LogSettings,
    /// What is allowed, but not wise.
    pub warnings: Vec<Warning>,
    /// Every key with its value and origin, for [`report`](super::report()).
    pub effective: Vec<Effective>,
}

/// One key as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The key.
    pub key: String,
    /// Its value; `[set]` in place of a secret, `[not set]` where there is none.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// `http`: the listener for the gateway.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Connections that may be open at once, 1 to 1,000,000.
    pub max_connections: usize,
    /// Bytes of request line and headers, 8 KiB to 1 MiB.
    pub max_head_bytes: usize,
    /// Bytes of a request body, 1 KiB to 16 MiB.
    pub max_body_bytes: usize,
    /// Bytes of the body of a request whose head has no credentials, 1 KiB to 16 MiB.
    pub max_unauthenticated_body_bytes: usize,
    /// Bytes of heads, bodies and queued callbacks together, 16 MiB to 1 TiB.
    pub max_buffered_bytes: usize,
    /// For request line and headers, and for an idle connection; 1 ms to 1 h.
    pub head_timeout: Duration,
    /// For the body and the answer, 1 ms to 10 min.
    pub request_timeout: Duration,
    /// For requests under way when the service stops, 0 to 10 min.
    pub shutdown_timeout: Duration,
    /// With `http://` or `https://`, without a `/` at the end. Only for printing the URLs to
    /// register.
    pub public_url: Option<String>,
    /// The proxies whose `X-Forwarded-For` says where a request comes from; none if there is none.
    pub trusted_proxies: Option<Networks>,
}

/// `admin`: the listener for the operator.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// The address to listen on. Never the port of `http.listen`, unless that is 0.
    pub listen: SocketAddr,
}

/// `database`: where callbacks are kept.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Which Postgres.
    pub source: DatabaseSource,
    /// Whether `serve` migrates the schema before it starts.
    pub migrate_on_start: bool,
}

/// Which Postgres.
#[derive(Clone, Debug)]
pub enum DatabaseSource {
    /// A private one, started by the service in its data directory.
    Embedded {
        /// Where `initdb` and `postgres` are, if the usual places are not to be searched.
        bin_dir: Option<PathBuf>,
    },
    /// The one with this URL, from which `PgConnectOptions` can be made.
    External(SecretString),
}

/// Somebody who may send callbacks: with a login, a report token, or both.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name that stands in every row.
    pub name: AccountName,
    /// The user and password that come with a callback.
    pub login: Option<Login>,
    /// The last part of the delivery report URL; 1 to 128 unreserved URL characters.
    pub report_token: Option<SecretString>,
    /// The report token before that one, as long as it is taken too.
    pub previous_report_token: Option<SecretString>,
    /// Where its callbacks may come from; anywhere if there is nothing.
    pub allowed_sources: Option<Networks>,
    /// Where the account reads message bytes its own way.
    pub encodings: EncodingOverrides,
}

/// A user with a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// 1 to 128 characters.
    pub user: String,
    /// 1 to 1024 characters.
    pub password: SecretString,
    /// The password before that one, as long as it is taken too.
    pub previous_password: Option<SecretString>,
}

/// `ingest`: the way from a callback to the disk.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    /// Callbacks that may wait, 1 to 1,000,000.
    pub queue_capacity: usize,
    /// Callbacks in one transaction, 1 to 10,000.
    pub max_batch_rows: usize,
    /// How long Postgres may take before the spool is used; shorter than `http.request_timeout`.
    pub commit_deadline: Duration,
}

/// `spool`: the files that take callbacks while Postgres can't.
#[derive(Clone, Copy, Debug)]
pub struct SpoolSettings {
    /// Bytes that they may take together, 16 MiB to 1 TiB; room for 8 of the largest requests.
    pub max_bytes: u64,
    /// Bytes of the disk that they leave free, 0 to 1 TiB.
    pub min_free_bytes: u64,
}

/// `partitions`: the tables' partitions.
#[derive(Clone, Copy, Debug)]
pub struct PartitionSettings {
    /// How much time a new one covers.
    pub width: PartitionWidth,
    /// How many are kept ready beside the current one, 1 to 120.
    pub ahead: u32,
}

/// `retention`: how long rows are kept, 1 day to 100 years; for ever where there is nothing.
#[derive(Clone, Copy, Debug)]
pub struct RetentionSettings {
    /// Rows of `delivery_reports`.
    pub delivery_reports: Option<Duration>,
    /// Rows of `inbound_messages`.
    pub inbound_messages: Option<Duration>,
    /// Rows of `rejected_callbacks`.
    pub rejected_callbacks: Option<Duration>,
}

/// `log`: the log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// What is logged.
    pub level: Targets,
    /// How it is written.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// For log collectors, one object a line.
    Json,
}
