//! Dependencies between the rooms point one way: a room imports only what the table allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import of the others, by the table of docs/architecture.md: rows of
/// room, purpose, imports.
fn rules() -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = page.split("| room |").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    table
        .lines()
        .skip(2)
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            let [room, _, imports] = cells[..] else { panic!("three cells, please: {row}") };
            let imported: BTreeSet<String> = names(imports);
            assert_eq!(imported.is_empty(), imports.trim() == "nothing", "{row}");
            (room.trim().trim_matches('`').to_owned(), imported)
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source(path: &str) -> PathBuf {
    root().join("src").join(path)
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
fn every_room_imports_exactly_the_rooms_that_the_architecture_page_says() {
    for (room, allowed) in rules() {
        let found = imports(&room);
        let more: Vec<_> = found.difference(&allowed).collect();
        assert!(more.is_empty(), "{room} may not import {more:?}");
        let unused: Vec<_> = allowed.difference(&found).collect();
        assert!(unused.is_empty(), "{room} imports {unused:?} no more: correct the page");
    }
}

#[test]
fn the_architecture_page_has_every_room_and_no_other() {
    let lib = fs::read_to_string(source("lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let rooms: BTreeSet<String> = modules.map(str::to_owned).collect();
    assert_eq!(rooms, rules().into_keys().collect());
}

#[test]
fn no_room_imports_itself_by_way_of_others() {
    let mut left = rules();
    while let Some(room) =
        left.iter().find(|(_, imports)| imports.is_empty()).map(|(room, _)| room.clone())
    {
        left.remove(&room);
        for imports in left.values_mut() {
            imports.remove(&room);
        }
    }
    assert!(left.is_empty(), "in a circle, or above one: {:?}", left.keys());
}

#[test]
fn no_crate_knows_the_program() {
    for manifest in fs::read_dir(root().join("crates")).unwrap() {
        let manifest = manifest.unwrap().path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let dependencies = text.split_once("[dependencies]").unwrap().1;
        assert!(!dependencies.contains("routo-receiver"), "{}", manifest.display());
    }
}

#[test]
fn no_file_has_more_than_300_lines() {
    for folder in ["src", "crates", "tests", "benches"] {
        for file in files_below(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 300, "{} has {lines} lines: divide it by topic", file.display());
        }
    }
}

#[test]
fn sql_is_in_the_store_alone_and_http_sees_nothing_of_ingest_but_its_handle() {
    for room in rules().into_keys().filter(|room| !["store", "config"].contains(&&**room)) {
        for file in files(&room) {
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
    let makers: Vec<_> = rules()
        .into_keys()
        .flat_map(|room| files(&room))
        .filter(|file| fs::read_to_string(file).unwrap().contains("Receipt::for_durable_event"))
        .collect();
    assert_eq!(makers, [source("ingest/committer.rs")]);
}

#[test]
fn every_file_says_in_its_first_line_what_it_owns() {
    for room in rules().into_keys() {
        for file in files(&room) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//! "), "{}", file.display());
        }
    }
}

#[test]
fn every_test_that_durability_md_names_exists_and_every_crash_proof_is_named_there() {
    let page = fs::read_to_string(root().join("docs/durability.md")).unwrap();
    let named: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.matches('_').count() > 3)
        .collect();
    let mut code = String::new();
    for folder in ["src", "tests"] {
        for file in files_below(&root().join(folder)) {
            code.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    for name in &named {
        assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
    }
    let scenarios = fs::read_to_string(root().join("tests/soak/crash/mod.rs")).unwrap();
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
