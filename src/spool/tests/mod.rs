//! What is appended comes out again, in order and once, whatever happens to the files meanwhile.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on fails")]

mod chunks;
mod damage;
mod record;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::domain::{
    DeliveryReport, DeliveryStatus, EventKeySource, Extra, PhoneNumber, Reception, Source,
    Transport,
};

fn options(directory: &Path) -> SpoolOptions {
    SpoolOptions {
        directory: directory.to_owned(),
        segment_bytes: 128 * 1024,
        max_bytes: 1024 * 1024 * 1024,
        min_free_bytes: 0,
    }
}

fn reception() -> Reception {
    thread_local!(static KEYS: EventKeySource = EventKeySource::system());
    Reception {
        key: KEYS.with(EventKeySource::next),
        account: "main".parse().unwrap(),
        source: Source {
            transport: Transport::HttpPost,
            remote_addr: "2001:db8::1".parse().unwrap(),
        },
    }
}

fn report(mess_id: &str) -> Event {
    Event::DeliveryReport(DeliveryReport {
        reception: reception(),
        mess_id: mess_id.into(),
        number: PhoneNumber::new("447700900123"),
        status: DeliveryStatus::new("250".into()),
        extra: Extra::default(),
    })
}

fn reports(names: std::ops::Range<usize>) -> Vec<Event> {
    names.map(|name| report(&name.to_string())).collect()
}

/// Drains everything and keeps one event of each key, as Postgres does.
fn drained(spool: &Spool) -> Vec<Event> {
    let mut all = Vec::new();
    let mut known = HashSet::new();
    while let Some(chunk) = spool.next(60).unwrap() {
        let is_new = |event: &&Event| known.insert(event.reception().key.id);
        all.extend(chunk.events.iter().filter(is_new).cloned());
        spool.settle(&chunk, 0).unwrap();
    }
    all
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

/// The files as a killed process leaves them.
fn as_killed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in files(directory) {
        fs::copy(directory.join(&name), copy.path().join(&name)).unwrap();
    }
    copy
}

#[test]
fn what_was_appended_comes_out_in_order_and_once_and_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let (first, second) = (reports(0..20), reports(20..25));
    spool.append(&first).unwrap();
    spool.append(&second).unwrap();
    assert_eq!(drained(&spool), [first, second].concat());
    assert_eq!(files(directory.path()), Vec::<String>::new());

    let third = reports(25..30);
    spool.append(&third).unwrap();
    assert_eq!(drained(&spool), third);
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[test]
fn what_a_killed_process_left_comes_out_before_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let old = reports(0..20);
    spool.append(&old).unwrap();
    let directory = as_killed(directory.path());

    let spool = Spool::open(options(directory.path())).unwrap();
    let new = reports(20..25);
    spool.append(&new).unwrap();
    assert_eq!(drained(&spool), [old, new].concat());
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[test]
fn a_second_owner_is_refused_until_the_first_lets_go() {
    let directory = tempfile::tempdir().unwrap();
    let first = Spool::open(options(directory.path())).unwrap();
    let refused = Spool::open(options(directory.path())).err().unwrap();
    assert!(matches!(refused, SpoolError::InUse { .. }), "{refused}");

    // The successor starts while the first is still finishing, and drains what that leaves.
    first.append(&reports(0..1)).unwrap();
    first.release();
    let second = Spool::open(options(directory.path())).unwrap();
    let [early, late, of_second] = [reports(1..2), reports(2..3), reports(3..4)];
    first.append(&early).unwrap();
    second.append(&of_second).unwrap();
    assert!(first.next(10).unwrap().is_none(), "what it leaves is its successor's to move");
    assert_eq!(drained(&second), of_second, "the segment of the first is not touched yet");
    first.append(&late).unwrap();
    first.close();
    drop(first);
    assert_eq!(drained(&second).len(), 3);
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[test]
fn past_its_bound_nothing_is_taken_and_all_that_was_taken_comes_out() {
    let directory = tempfile::tempdir().unwrap();
    let max_bytes = 16 * 1024 * 1024;
    let spool = Spool::open(SpoolOptions { max_bytes, ..options(directory.path()) }).unwrap();
    let mut taken = 0;
    let error = loop {
        match spool.append(&reports(taken..taken + 500)) {
            Ok(()) => taken += 500,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, SpoolError::Full { max_bytes: limit } if limit == max_bytes),
        "{error}"
    );
    assert!(taken > 5_000, "{taken}");
    let bytes: u64 = files(directory.path())
        .iter()
        .map(|name| fs::metadata(directory.path().join(name)).unwrap().len())
        .sum();
    assert!(bytes <= max_bytes, "{bytes}");

    // Space that becomes free can be used again.
    assert_eq!(drained(&spool).len(), taken);
    spool.probe().unwrap();
    spool.append(&reports(taken..taken + 500)).unwrap();
    assert_eq!(drained(&spool).len(), 500);
}

#[test]
fn the_disk_is_left_as_much_room_as_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Directory::make(directory.path()).unwrap().disk().unwrap();
    let spool =
        Spool::open(SpoolOptions { min_free_bytes: disk.size - 1, ..options(directory.path()) })
            .unwrap();
    let error = spool.append(&reports(0..1)).unwrap_err();
    assert!(matches!(error, SpoolError::DiskFull { .. }), "{error}");
    drop(spool);
    let error =
        Spool::open(SpoolOptions { min_free_bytes: disk.size, ..options(directory.path()) })
            .err()
            .unwrap();
    assert!(error.to_string().contains("lower spool.min_free_bytes"), "{error}");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused_with_what_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Spool::open(options(&file.join("spool"))).err().unwrap();
    assert!(error.to_string().contains("set data_dir (ROUTO_DATA_DIR)"), "{error}");
}

#[test]
fn only_the_spool_itself_is_closed_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let (plain, data) = (directory.path().join("plain"), directory.path().join("data"));
    fs::create_dir(&plain).unwrap();
    let _spool = Spool::open(options(&data.join("spool"))).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), mode(&plain), "an embedded Postgres of another user must get in");
    assert_eq!(mode(&data.join("spool")), 0o700);
}

#[test]
fn files_that_are_not_the_spool_s_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("app.spool"), "").unwrap();
    fs::create_dir(directory.path().join("0000000001.spool")).unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let all = reports(0..5);
    spool.append(&all).unwrap();
    assert_eq!(drained(&spool), all);
    assert_eq!(files(directory.path()), ["0000000001.spool", "app.spool"]);
}

#[test]
fn a_file_that_somebody_removed_is_followed_by_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let spool = Spool::open(options(&path)).unwrap();
    spool.append(&reports(0..5)).unwrap();
    fs::remove_dir_all(&path).unwrap();
    let all = reports(5..10);
    spool.append(&all).unwrap();
    assert_eq!(drained(&spool), all);
}

#[test]
fn files_of_version_0_1_0_are_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("0000000001.sqlite"), "").unwrap();
    let error = Spool::open(options(directory.path())).err().unwrap().to_string();
    assert!(error.contains("`routo-receiver spool drain` of version 0.1.0 first"), "{error}");
}
