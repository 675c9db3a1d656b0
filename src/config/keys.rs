//! The keys that exist, and the one that somebody probably meant.

use super::environment;

/// Every key; `*` stands for an account's name or a `dcs` value. `config/default.toml` explains
/// each, and a test keeps the two lists the same.
pub(super) const KEYS: [&str; 40] = [
    "data_dir",
    "http.listen",
    "http.max_connections",
    "http.max_head_bytes",
    "http.max_body_bytes",
    "http.max_unauthenticated_body_bytes",
    "http.max_buffered_bytes",
    "http.head_timeout",
    "http.request_timeout",
    "http.shutdown_timeout",
    "http.public_url",
    "http.trusted_proxies",
    "admin.listen",
    "database.url",
    "database.url_file",
    "database.bin_dir",
    "database.migrate_on_start",
    "accounts.*.user",
    "accounts.*.password",
    "accounts.*.password_file",
    "accounts.*.previous_password",
    "accounts.*.previous_password_file",
    "accounts.*.report_token",
    "accounts.*.report_token_file",
    "accounts.*.previous_report_token",
    "accounts.*.previous_report_token_file",
    "accounts.*.allowed_sources",
    "accounts.*.encodings.*",
    "ingest.queue_capacity",
    "ingest.max_batch_rows",
    "ingest.commit_deadline",
    "spool.max_bytes",
    "spool.min_free_bytes",
    "partitions.width",
    "partitions.ahead",
    "retention.delivery_reports",
    "retention.inbound_messages",
    "retention.rejected_callbacks",
    "log.level",
    "log.format",
];

/// The keys that have a list: an array in a file, separated by commas in the environment.
const LISTS: [&str; 2] = ["http.trusted_proxies", "accounts.*.allowed_sources"];

/// What a path of key parts leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key, which has a value.
    Key,
    /// A key, which has a list of values.
    List,
    /// A section, which has keys.
    Section,
    /// Nothing.
    Unknown,
}

/// What is at this path.
pub(super) fn place(path: &[String]) -> Place {
    let mut found = Place::Unknown;
    for key in KEYS {
        let mut parts = key.split('.');
        let fits =
            path.iter().all(|part| parts.next().is_some_and(|known| known == "*" || known == part));
        if fits {
            found = match parts.next() {
                None if LISTS.contains(&key) => return Place::List,
                None => return Place::Key,
                Some(_) => Place::Section,
            };
        }
    }
    found
}

/// Whether this is the last part of an account's key.
pub(super) fn is_of_account(name: &str) -> bool {
    KEYS.iter().any(|key| key.strip_prefix("accounts.*.") == Some(name))
}

/// The known key nearest to an unknown one, if one is near, and the variable that sets it.
pub(super) fn nearest(path: &[String]) -> Option<Suggestion> {
    KEYS.iter()
        .map(|known| instance(known, path))
        .map(|candidate| (likeness(path, &candidate), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR)
        // The first of equals: KEYS has the more usual ones first.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| Suggestion {
            key: candidate.join("."),
            variable: environment::variable(&candidate),
        })
}

/// A key that somebody may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suggestion {
    pub(super) key: String,
    pub(super) variable: String,
}

const NEAR: f64 = 0.6;

/// A known key with the names that the unknown one uses in place of `*`.
fn instance(known: &str, path: &[String]) -> Vec<String> {
    known
        .split('.')
        .enumerate()
        .map(|(depth, part)| match (part, path.get(depth)) {
            ("*", Some(name)) => name.clone(),
            ("*", None) => "0".to_owned(),
            (part, _) => part.to_owned(),
        })
        .collect()
}

/// From 0 (nothing in common) to 1 (the same).
fn likeness(path: &[String], candidate: &[String]) -> f64 {
    if path.len() == candidate.len() {
        return path
            .iter()
            .zip(candidate)
            .map(|(part, known)| part_likeness(part, known))
            .fold(1.0, f64::min);
    }
    // A part forgotten, or '_' in place of a dot: the whole matters, or the last part.
    let whole = strsim::normalized_damerau_levenshtein(&path.join("_"), &candidate.join("_"));
    if whole >= 0.85 {
        whole
    } else if path.last() == candidate.last() {
        NEAR
    } else {
        0.0
    }
}

fn part_likeness(part: &str, known: &str) -> f64 {
    let plain = strsim::normalized_damerau_levenshtein(part, known);
    let piece = part.len() >= 4 && (known.starts_with(part) || known.ends_with(part));
    if piece { plain.max(0.8) } else { plain }
}
