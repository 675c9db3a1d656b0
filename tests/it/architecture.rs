//! The one-way rule of the house: a room imports only the rooms it may.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import of the others.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("accounts", &["domain"]),
    (
        "commands",
        &[
            "accounts",
            "config",
            "credentials",
            "domain",
            "error_chain",
            "escaped",
            "ingest",
            "service",
            "signals",
            "spool",
            "store",
            "telemetry",
            "wire",
        ],
    ),
    ("config", &["accounts", "domain", "store"]),
    ("credentials", &["config"]),
    ("domain", &[]),
    ("error_chain", &["escaped"]),
    ("escaped", &[]),
    ("fuzzing", &["http", "spool", "wire"]),
    ("http", &["accounts", "domain", "ingest", "metrics", "wire"]),
    ("ingest", &["domain", "error_chain", "log_once", "metrics", "spool", "store"]),
    ("log_once", &[]),
    ("metrics", &["domain"]),
    (
        "service",
        &[
            "accounts",
            "config",
            "credentials",
            "domain",
            "error_chain",
            "http",
            "ingest",
            "log_once",
            "metrics",
            "spool",
            "store",
        ],
    ),
    ("signals", &[]),
    ("spool", &["domain", "error_chain"]),
    ("store", &["domain", "error_chain", "log_once", "metrics"]),
    ("telemetry", &["config", "escaped"]),
    ("wire", &["accounts", "domain"]),
];

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)
}

/// Every source file of a room, but for tests beside the code.
fn files(room: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![source(room)];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { files.push(path) }
        }
    }
    let single = source(&format!("{room}.rs"));
    files.extend(single.exists().then_some(single));
    files.retain(|file| !file.to_string_lossy().contains("tests"));
    files
}

/// The rooms that `crate::…` names in the code of these files, comments left out.
fn imports(room: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for file in files(room) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(!line.contains("use crate::{"), "{}: one room a line, please", file.display());
            for after in line.split("crate::").skip(1) {
                let name: String =
                    after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name != room && !name.is_empty() {
                    rooms.insert(name);
                }
            }
        }
    }
    rooms
}

#[test]
fn every_room_imports_only_the_rooms_it_may() {
    for (room, allowed) in MAY_IMPORT {
        let found = imports(room);
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let more: Vec<_> = found.difference(&allowed).collect();
        assert!(more.is_empty(), "{room} may not import {more:?}");
        let unused: Vec<_> = allowed.difference(&found).collect();
        assert!(
            unused.is_empty(),
            "{room} does not import {unused:?} any more: say so in MAY_IMPORT"
        );
    }
}

#[test]
fn every_room_has_its_rule() {
    let lib = fs::read_to_string(source("lib.rs")).unwrap();
    let rooms: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let ruled: Vec<&str> = MAY_IMPORT.iter().map(|(room, _)| *room).collect();
    let without: Vec<_> = rooms.iter().filter(|room| !ruled.contains(room)).collect();
    assert!(without.is_empty() && rooms.len() == ruled.len(), "without a rule: {without:?}");
}

#[test]
fn sql_is_in_the_store_alone_and_http_sees_nothing_of_ingest_but_its_handle() {
    for (room, _) in MAY_IMPORT.iter().filter(|(room, _)| !["store", "config"].contains(room)) {
        for file in files(room) {
            assert!(!fs::read_to_string(&file).unwrap().contains("sqlx"), "{}", file.display());
        }
    }
    for file in files("http") {
        let text = fs::read_to_string(&file).unwrap();
        for name in ["ingest::start", "ingest::Limits", "ingest::committer"] {
            assert!(!text.contains(name), "{}: {name}", file.display());
        }
    }
}

#[test]
fn only_ingest_makes_a_receipt() {
    let handle = fs::read_to_string(source("ingest/handle.rs")).unwrap();
    assert!(handle.contains("pub struct Receipt(());"), "its field is private");
    assert!(
        handle.contains("pub(super) fn for_durable_event"),
        "its constructor is the room's own"
    );
    let makers: Vec<_> = MAY_IMPORT
        .iter()
        .flat_map(|(room, _)| files(room))
        .filter(|file| fs::read_to_string(file).unwrap().contains("Receipt::for_durable_event"))
        .collect();
    assert_eq!(makers, [source("ingest/committer.rs")]);
}

#[test]
fn every_file_says_in_its_first_line_what_it_owns() {
    for room in MAY_IMPORT.iter().map(|(room, _)| *room) {
        for file in files(room) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//! "), "{}", file.display());
        }
    }
}

#[test]
fn every_test_that_durability_md_names_exists_and_every_crash_proof_is_named_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/durability.md")).unwrap();
    let named: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.matches('_').count() > 3)
        .collect();
    let mut code = String::new();
    for folder in ["src", "tests"] {
        for file in files_below(&root.join(folder)) {
            code.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    for name in &named {
        assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
    }
    let scenarios = fs::read_to_string(root.join("tests/soak/crash/mod.rs")).unwrap();
    let scenarios = scenarios.split("scenarios! {").nth(1).unwrap().split('}').next().unwrap();
    for scenario in scenarios.lines().filter_map(|line| line.split([':', ',']).nth(1)) {
        let proof = scenario.trim();
        assert!(named.contains(proof), "docs/durability.md does not name {proof}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
