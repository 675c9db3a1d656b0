//! `default.toml`: complete, explained, and usable.

use std::collections::BTreeSet;
use std::time::Duration;

use ::config::{FileFormat, Format, Map, Value, ValueKind};

use super::super::keys::KEYS;
use super::super::{DatabaseSource, LogFormat};
use super::load;
use crate::store::PartitionWidth;

const DEFAULTS: &str = include_str!("../../../config/default.toml");

#[test]
fn the_defaults_alone_are_a_usable_configuration() {
    let settings = load(None, &[]).unwrap();
    assert_eq!(settings.http.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(settings.http.max_connections, 2048);
    assert_eq!(settings.http.max_head_bytes, 65_536);
    assert_eq!(settings.http.max_body_bytes, 262_144);
    assert_eq!(settings.http.max_unauthenticated_body_bytes, 65_536);
    assert_eq!(settings.http.max_buffered_bytes, 67_108_864);
    assert_eq!(settings.http.head_timeout, Duration::from_secs(30));
    assert_eq!(settings.http.idle_timeout, Duration::from_secs(75));
    assert_eq!(settings.tls.listen.to_string(), "0.0.0.0:8443");
    assert_eq!((&settings.tls.certificate_file, &settings.tls.key_file), (&None, &None));
    assert_eq!(settings.http.request_timeout, Duration::from_secs(10));
    assert_eq!(settings.http.shutdown_timeout, Duration::from_secs(10));
    assert_eq!(settings.http.public_url, None);
    assert_eq!(settings.http.trusted_proxies, None);
    assert_eq!(settings.admin.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(settings.data_dir.to_str(), Some("./data"));
    assert!(matches!(settings.database.source(), DatabaseSource::Embedded { bin_dir: None }));
    assert!(settings.database.migrate_on_start);
    assert!(settings.accounts.is_empty());
    assert_eq!(settings.ingest.queue_capacity, 8192);
    assert_eq!(settings.ingest.max_batch_rows, 1024);
    assert_eq!(settings.ingest.commit_deadline, Duration::from_secs(1));
    assert_eq!(settings.partitions.width, PartitionWidth::Month);
    assert_eq!(settings.partitions.ahead, 3);
    assert_eq!(settings.retention.delivery_reports, None);
    assert_eq!(settings.retention.inbound_messages, None);
    assert_eq!(settings.retention.rejected_callbacks, None);
    assert_eq!(settings.log.level.to_string(), "info");
    assert_eq!(settings.log.format, LogFormat::Auto);
    assert!(settings.warnings.is_empty());
}

#[test]
fn default_toml_has_exactly_the_known_keys_commented_ones_included() {
    let known: BTreeSet<String> = KEYS.iter().map(|key| key.path.clone()).collect();
    assert_eq!(keys_of(&uncommented()), known);
}

#[test]
fn default_toml_explains_every_key_in_a_comment_above_it() {
    let mut above = "";
    for line in DEFAULTS.lines() {
        if is_key(line.trim_start_matches('#')) {
            // The first key of a section may be explained above the section's head.
            assert!(above.starts_with("# ") || above.contains('['), "not explained: {line}");
        }
        above = line;
    }
}

#[test]
fn everything_in_default_toml_is_usable_as_it_stands_commented_keys_included() {
    let without_files: String = uncommented()
        .lines()
        .filter(|line| !line.contains("_file = "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let settings = load(Some(&without_files), &[]).unwrap();
    assert_eq!(settings.accounts.len(), 1);
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
}

/// `default.toml` with its commented keys and sections (`#` without a space) put in force.
fn uncommented() -> String {
    DEFAULTS
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with('[') || is_key(rest) => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn is_key(line: &str) -> bool {
    line.split_once(" = ").is_some_and(|(key, _)| {
        key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

fn keys_of(text: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    collect(&FileFormat::Toml.parse(None, text).unwrap(), "", &mut keys);
    keys
}

fn collect(section: &Map<String, Value>, prefix: &str, keys: &mut BTreeSet<String>) {
    for (name, value) in section {
        let name =
            if ["accounts.", "accounts.*.encodings."].contains(&prefix) { "*" } else { name };
        match &value.kind {
            ValueKind::Table(inner) => collect(inner, &format!("{prefix}{name}."), keys),
            _ => {
                keys.insert(format!("{prefix}{name}"));
            }
        }
    }
}
