//! The keys that exist, and the one that somebody probably meant.

use std::sync::LazyLock;

use super::kinds::Form;
use super::origin::Origin;
use super::problem::Problem;
use super::section::Key;
use super::settings;

pub(super) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(settings::keys);

/// The least likeness of a suggestion.
const NEAR: f64 = 0.6;

/// What a path leads to.
pub(super) enum Node {
    Key(Form),
    Section,
    Unknown,
}

pub(super) fn node(path: &[String]) -> Node {
    match KEYS.iter().find(|key| is_around(path, key)) {
        Some(key) if key.path.split('.').count() == path.len() => Node::Key(key.form),
        Some(_) => Node::Section,
        None => Node::Unknown,
    }
}

impl Problem {
    pub(super) fn unknown_key(path: &[String], origin: Origin) -> Self {
        let key = path.join(".").escape_debug().to_string();
        Self::UnknownKey { key, origin, suggestion: nearest(path) }
    }

    pub(super) fn not_a_section(path: &[String], origin: Origin) -> Self {
        Self::NotASection { key: path.join("."), origin, example: example_in(path) }
    }
}

/// A key in this section.
fn example_in(section: &[String]) -> String {
    let section = match section {
        // The account's name is missing.
        [accounts, key] if KEYS.iter().any(|known| known.path == format!("{accounts}.*.{key}")) => {
            &[accounts.clone(), "main".to_owned(), key.clone()]
        }
        _ => section,
    };
    let key = KEYS.iter().find(|key| is_around(section, key)).expect("a section has keys");
    instance(key, section, sample_name).join(".")
}

/// A name for `*` at this depth: of an account, or a `dcs` value.
fn sample_name(depth: usize) -> &'static str {
    if depth == 1 { "main" } else { "0" }
}

/// Whether a path leads to this key, or to a section that it is in.
fn is_around(path: &[String], key: &Key) -> bool {
    let mut parts = key.path.split('.');
    path.iter().all(|part| parts.next().is_some_and(|known| known == "*" || known == part))
}

/// The key nearest to an unknown one, if one is near.
fn nearest(path: &[String]) -> Option<String> {
    KEYS.iter()
        .map(|key| (likeness(path, &instance(key, path, |_| "0")), key))
        .filter(|(likeness, _)| *likeness >= NEAR)
        // The first of equals: the more usual keys are declared first.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, key)| instance(key, path, sample_name).join("."))
}

/// The parts of a key, with the names that the path has in place of `*`, or else with this name for
/// each depth.
fn instance(key: &Key, path: &[String], name: fn(usize) -> &'static str) -> Vec<String> {
    let name = |depth| path.get(depth).map_or(name(depth), String::as_str);
    let part = |(depth, part)| if part == "*" { name(depth) } else { part };
    key.path.split('.').enumerate().map(part).map(str::to_owned).collect()
}

/// From 0 (nothing in common) to 1 (the same).
fn likeness(path: &[String], candidate: &[String]) -> f64 {
    if path.len() == candidate.len() {
        let parts = path.iter().zip(candidate);
        return parts.map(|(part, known)| part_likeness(part, known)).fold(1.0, f64::min);
    }
    // A missing section, or '_' in place of a dot.
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
    let is_piece = part.len() >= 4 && (known.starts_with(part) || known.ends_with(part));
    if is_piece { plain.max(0.8) } else { plain }
}
