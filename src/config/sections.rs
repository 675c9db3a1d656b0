//! The sections other than accounts: the range of every key, and what must not contradict.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::store::PartitionWidth;

use super::expected::Expected;
use super::problem::Problem;
use super::reader::Reader;
use super::settings::{
    AdminSettings, DatabaseSettings, DatabaseSource, HttpSettings, IngestSettings, LogFormat,
    LogSettings, PartitionSettings, RetentionSettings, Settings, SpoolSettings,
};
use super::warning::Warning;
use super::{accounts, postgres_url};

const MILLISECOND: Duration = Duration::from_millis(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// 100 years of 365.25 days, as `humantime` counts them.
const CENTURY: Duration = Duration::from_hours(876_600);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const TIB: u64 = 1024 * 1024 * MIB;

/// The spool has room for at least so many of the largest requests.
const SPOOLED_REQUESTS: u64 = 8;

/// Every section. `None` only with a problem noted; all sections are read even so.
pub(super) fn read(reader: &mut Reader) -> Option<Settings> {
    let data_dir: Option<PathBuf> =
        reader.required("data_dir", Expected::Directory, Reader::directory);
    let http = http(reader);
    let admin_listen = reader.address("admin.listen");
    let database = database(reader);
    let accounts = accounts::read(reader);
    let ingest = ingest(reader);
    let spool = spool(reader);
    let partitions = partitions(reader);
    let retention = retention(reader);
    let log = log(reader);

    if let (Some(http), Some(admin)) = (&http, admin_listen) {
        listeners_must_differ(reader, http.listen, admin);
    }
    if let (Some(http), Some(ingest)) = (&http, &ingest) {
        deadline_must_come_first(reader, ingest.commit_deadline, http.request_timeout);
    }
    if let (Some(http), Some(spool)) = (&http, &spool) {
        requests_must_fit(reader, http, *spool);
    }
    Some(Settings {
        http: http?,
        admin: AdminSettings { listen: admin_listen? },
        data_dir: data_dir?,
        database: database?,
        accounts,
        ingest: ingest?,
        spool: spool?,
        partitions: partitions?,
        retention,
        log: log?,
        warnings: Vec::new(),
        effective: Vec::new(),
    })
}

fn http(reader: &mut Reader) -> Option<HttpSettings> {
    let listen = reader.address("http.listen");
    let max_connections = reader.number("http.max_connections", 1..=1_000_000);
    let max_head_bytes = reader.number("http.max_head_bytes", 8 * KIB..=MIB);
    let max_body_bytes = reader.number("http.max_body_bytes", KIB..=16 * MIB);
    let max_unauthenticated_body_bytes =
        reader.number("http.max_unauthenticated_body_bytes", KIB..=16 * MIB);
    let max_buffered_bytes = reader.number("http.max_buffered_bytes", 16 * MIB..=TIB);
    let head_timeout = reader.duration("http.head_timeout", MILLISECOND..=HOUR);
    let request_timeout = reader.duration("http.request_timeout", MILLISECOND..=TEN_MINUTES);
    let shutdown_timeout = reader.duration("http.shutdown_timeout", Duration::ZERO..=TEN_MINUTES);
    let public_url = reader.optional("http.public_url", Expected::PublicUrl, public_url);
    let trusted_proxies = reader.networks("http.trusted_proxies");
    Some(HttpSettings {
        listen: listen?,
        max_connections: max_connections?,
        max_head_bytes: max_head_bytes?,
        max_body_bytes: max_body_bytes?,
        max_unauthenticated_body_bytes: max_unauthenticated_body_bytes?,
        max_buffered_bytes: max_buffered_bytes?,
        head_timeout: head_timeout?,
        request_timeout: request_timeout?,
        shutdown_timeout: shutdown_timeout?,
        public_url,
        trusted_proxies,
    })
}

fn database(reader: &mut Reader) -> Option<DatabaseSettings> {
    let url = reader.secret("database.url", Expected::PostgresUrl, postgres_url::is_usable);
    if let Some(url) = &url {
        let unknown = postgres_url::unknown_parameters(&url.text);
        if unknown > 0 {
            reader.warn(Warning::UnknownUrlParameters {
                key: url.key.clone(),
                origin: url.origin.clone(),
                unknown,
            });
        }
    }
    let bin_dir = reader.optional("database.bin_dir", Expected::Directory, Reader::directory);
    let migrate_on_start = reader.boolean("database.migrate_on_start");
    let source = match url {
        Some(url) => DatabaseSource::External(url.into_secret()),
        None => DatabaseSource::Embedded { bin_dir },
    };
    Some(DatabaseSettings { source, migrate_on_start: migrate_on_start? })
}

fn ingest(reader: &mut Reader) -> Option<IngestSettings> {
    let queue_capacity = reader.number("ingest.queue_capacity", 1..=1_000_000);
    let max_batch_rows = reader.number("ingest.max_batch_rows", 1..=10_000);
    let commit_deadline = reader.duration("ingest.commit_deadline", MILLISECOND..=TEN_MINUTES);
    Some(IngestSettings {
        queue_capacity: queue_capacity?,
        max_batch_rows: max_batch_rows?,
        commit_deadline: commit_deadline?,
    })
}

fn spool(reader: &mut Reader) -> Option<SpoolSettings> {
    let max_bytes = reader.number("spool.max_bytes", 16 * MIB..=TIB);
    let min_free_bytes = reader.number("spool.min_free_bytes", 0..=TIB);
    Some(SpoolSettings { max_bytes: max_bytes?, min_free_bytes: min_free_bytes? })
}

fn partitions(reader: &mut Reader) -> Option<PartitionSettings> {
    let width = reader.required("partitions.width", Expected::PartitionWidth, |text| match text {
        "month" => Some(PartitionWidth::Month),
        "day" => Some(PartitionWidth::Day),
        _ => None,
    });
    let ahead = reader.number("partitions.ahead", 1..=120);
    Some(PartitionSettings { width: width?, ahead: ahead? })
}

/// A value that can't be used is noted as a problem; nothing is dropped because of a misspelt one.
fn retention(reader: &mut Reader) -> RetentionSettings {
    let mut of = |key| reader.optional_duration(key, DAY..=CENTURY);
    RetentionSettings {
        delivery_reports: of("retention.delivery_reports"),
        inbound_messages: of("retention.inbound_messages"),
        rejected_callbacks: of("retention.rejected_callbacks"),
    }
}

fn log(reader: &mut Reader) -> Option<LogSettings> {
    let level = reader.required("log.level", Expected::LogLevel, log_level);
    let format = reader.required("log.format", Expected::LogFormat, |text| match text {
        "auto" => Some(LogFormat::Auto),
        "pretty" => Some(LogFormat::Pretty),
        "json" => Some(LogFormat::Json),
        _ => None,
    });
    Some(LogSettings { level: level?, format: format? })
}

/// A filter in which each part is a level, or a target with one. `Targets` alone would take a
/// misspelt level for the name of a target, and log nothing else.
fn log_level(text: &str) -> Option<Targets> {
    let every_part_has_a_level = text.split(',').all(|part| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        LevelFilter::from_str(level).is_ok() && !level.is_empty()
    });
    every_part_has_a_level.then(|| text.parse().ok()).flatten()
}

fn public_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split('/').next()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\"<>\\".contains(&byte));
    (plain && !host.is_empty() && !host.starts_with(':'))
        .then(|| text.trim_end_matches('/').to_owned())
}

fn listeners_must_differ(reader: &mut Reader, http: SocketAddr, admin: SocketAddr) {
    let same_address =
        http.ip() == admin.ip() || http.ip().is_unspecified() || admin.ip().is_unspecified();
    if http.port() == 0 || http.port() != admin.port() || !same_address {
        return;
    }
    if let (Some(http_origin), Some(admin_origin)) =
        (reader.origin("http.listen"), reader.origin("admin.listen"))
    {
        reader.problem(Problem::SamePort { port: http.port(), http_origin, admin_origin });
    }
}

fn deadline_must_come_first(
    reader: &mut Reader,
    commit_deadline: Duration,
    request_timeout: Duration,
) {
    if commit_deadline < request_timeout {
        return;
    }
    if let (Some(commit_origin), Some(request_origin)) =
        (reader.origin("ingest.commit_deadline"), reader.origin("http.request_timeout"))
    {
        reader.problem(Problem::CommitDeadline {
            commit_deadline,
            commit_origin,
            request_timeout,
            request_origin,
        });
    }
}

fn requests_must_fit(reader: &mut Reader, http: &HttpSettings, spool: SpoolSettings) {
    let largest = (http.max_head_bytes + http.max_body_bytes) as u64;
    let needed = SPOOLED_REQUESTS * largest;
    if spool.max_bytes >= needed {
        return;
    }
    if let (Some(spool_origin), Some(body_origin)) =
        (reader.origin("spool.max_bytes"), reader.origin("http.max_body_bytes"))
    {
        reader.problem(Problem::SpoolTooSmall {
            max_bytes: spool.max_bytes,
            spool_origin,
            largest,
            body_origin,
            needed,
        });
    }
}
