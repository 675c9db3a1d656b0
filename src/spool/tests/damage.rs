//! Damaged files: their intact records come out once and in order, and a survey changes nothing.

use std::fs::{self, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::super::frame::{HEAD_BYTES, Head, MARKER};
use super::super::record::read;
use super::super::*;
use super::{drained, files, options, reports};

const SEGMENT: &str = "0000000001.spool";

/// The bytes of a file with 600 callbacks in 12 batches, and how many are used.
struct Filled {
    bytes: Vec<u8>,
    used: usize,
    callbacks: Vec<(Event, Range<usize>)>,
}

/// As a process that was stopped or killed leaves it.
fn filled(killed: bool) -> Filled {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    for batch in 0..12 {
        spool.append(&reports(batch * 50..batch * 50 + 50)).unwrap();
    }
    if !killed {
        spool.close();
    }
    let bytes = fs::read(directory.path().join(SEGMENT)).unwrap();
    let (mut callbacks, mut at) = (Vec::new(), 0);
    while let Some(head) = Head::read(&bytes[at..]) {
        let frame = at..at + head.frame_bytes();
        let content = &bytes[frame.start + HEAD_BYTES..frame.end];
        callbacks.extend(read(content).map(|event| (event, frame.clone())));
        at = frame.end;
    }
    assert_eq!(callbacks.len(), 600);
    assert_eq!(bytes.len(), 128 * 1024);
    Filled { bytes, used: at, callbacks }
}

impl Filled {
    /// The callbacks whose frames are still as they were.
    fn intact(&self, damaged: &[u8]) -> Vec<Event> {
        let is_intact =
            |frame: &Range<usize>| damaged.get(frame.clone()) == Some(&self.bytes[frame.clone()]);
        let intact = self.callbacks.iter().filter(|(_, frame)| is_intact(frame));
        intact.map(|(event, _)| event.clone()).collect()
    }

    /// With such a file a service starts, and the intact callbacks come out. The file is kept if some did
    /// not.
    fn comes_out_of(&self, damaged: &[u8], what: &str) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(SEGMENT), damaged).unwrap();
        let spool = Spool::open(options(directory.path())).unwrap();
        let intact = self.intact(damaged);
        let mut out = Vec::new();
        while let Some(chunk) = spool.next(70).unwrap() {
            out.extend(chunk.events.iter().cloned());
            spool.settle(&chunk, 0).unwrap();
        }
        assert!(out == intact, "{what}: {} of {} came out", out.len(), intact.len());
        let left = files(directory.path());
        let expected: &[&str] = match () {
            () if intact.len() == 600 => &left.iter().map(String::as_str).collect::<Vec<_>>(),
            () if intact.is_empty() && !damaged.windows(4).any(|four| four == MARKER) => &[SEGMENT],
            () => &["0000000001.spool.damaged"],
        };
        assert_eq!(left, expected, "{what}");
    }
}

#[test]
fn of_1500_damaged_files_every_intact_record_comes_out_once() {
    for killed in [false, true] {
        let filled = filled(killed);
        for number in 0..750 {
            let mut damaged = filled.bytes.clone();
            // Spread over the used bytes, and over the bits.
            let place = number * filled.used / 750;
            damaged[place] ^= 1 << (number % 8);
            if number % 10 == 0 {
                damaged.truncate(filled.used * (number / 10 + 1) / 76);
            }
            filled.comes_out_of(&damaged, &format!("killed {killed}, byte {place}"));
        }
    }
}

#[test]
fn after_a_lost_page_every_record_outside_of_it_comes_out() {
    let filled = filled(true);
    for content in [0, 0xFF] {
        for page in 0..filled.used / 4096 {
            let mut damaged = filled.bytes.clone();
            damaged[page * 4096..(page + 1) * 4096].fill(content);
            filled.comes_out_of(&damaged, &format!("page {page} of {content}"));
        }
    }
}

#[test]
fn a_file_that_a_kill_cut_short_is_not_damaged() {
    let filled = filled(true);
    let (_, last) = filled.callbacks.last().unwrap();
    for cut in last.start..last.end {
        let mut bytes = filled.bytes.clone();
        bytes[cut..].fill(0);
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(SEGMENT), &bytes).unwrap();
        let spool = Spool::open(options(directory.path())).unwrap();
        assert_eq!(drained(&spool).len(), 599);
        assert_eq!(files(directory.path()), Vec::<String>::new(), "cut at {cut}");
    }
}

#[test]
fn a_file_that_was_closed_in_order_misses_none_of_its_records_in_silence() {
    let filled = filled(false);
    let (_, last) = filled.callbacks.last().unwrap();
    let mut bytes = filled.bytes.clone();
    // The disk lost the end of the callbacks, and has the mark behind them.
    bytes.drain(last.clone());
    filled.comes_out_of(&bytes, "without the last callback");
}

#[test]
fn a_sparse_file_of_a_terabyte_is_read_no_further_than_any_file_of_ours() {
    let filled = filled(true);
    let directory = tempfile::tempdir().unwrap();
    let segment = directory.path().join(SEGMENT);
    fs::write(&segment, &filled.bytes).unwrap();
    OpenOptions::new().write(true).open(&segment).unwrap().set_len(1 << 40).unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    assert_eq!(drained(&spool).len(), 600);
}

#[test]
fn a_file_that_is_damaged_while_it_is_in_use_is_set_aside_and_its_other_records_come_out() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let all = reports(0..20);
    spool.append(&all).unwrap();
    let file = OpenOptions::new().write(true).open(directory.path().join(SEGMENT)).unwrap();
    file.write_at(b"damage", 1_000).unwrap();
    let first = drained(&spool);
    assert!(first.len() == 19 && first.iter().all(|event| all.contains(event)));
    assert_eq!(drained(&spool), first, "like a file that another process left");
    assert_eq!(files(directory.path()), ["0000000001.spool.damaged"]);
    assert_eq!(spool.figures().unwrap().callbacks, 0);
}

#[test]
fn a_file_of_another_program_is_neither_changed_nor_counted_nor_removed() {
    let directory = tempfile::tempdir().unwrap();
    let segment = directory.path().join(SEGMENT);
    let foreign = b"SQLite format 3\0".repeat(4_000);
    fs::write(&segment, &foreign).unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let all = reports(0..5);
    spool.append(&all).unwrap();
    assert_eq!(drained(&spool), all);
    assert_eq!(spool.figures().unwrap().callbacks, 0);
    assert_eq!(survey(directory.path()).unwrap()[0].contents, Contents::NotOurs);
    assert_eq!(fs::read(&segment).unwrap(), foreign);
}

#[test]
fn looking_into_a_spool_changes_none_of_its_files() {
    let filled = filled(true);
    let mut damaged = filled.bytes.clone();
    damaged[20_000] ^= 1;
    let directory = tempfile::tempdir().unwrap();
    let segment = directory.path().join(SEGMENT);
    fs::write(&segment, &damaged).unwrap();

    let [surveyed] = &survey(directory.path()).unwrap()[..] else { panic!("one file") };
    assert_eq!((surveyed.contents, surveyed.callbacks), (Contents::Damaged, 599));
    let mut lines = 0;
    export(&segment, |_| {
        lines += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(lines, 599);
    assert_eq!(fs::read(&segment).unwrap(), damaged);
}
