//! Damaged files: their whole records come out, and a survey changes nothing.

use std::collections::HashSet;
use std::fs;

use uuid::Uuid;

use super::super::record::{MAGIC, decode, encode};
use super::super::*;
use super::{as_killed, drained, files, options, report, reports};

/// The bytes of a segment and of its log, and where in them each event is.
struct Files {
    bytes: [Vec<u8>; 2],
    places: Vec<(Uuid, usize, std::ops::Range<usize>)>,
}

/// A spool of 600 events in several transactions, as a process that was stopped or killed leaves it.
fn filled(killed: bool) -> Files {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    for batch in 0..12 {
        spool.append(&reports(batch * 50..batch * 50 + 50)).unwrap();
    }
    let directory = if killed {
        as_killed(directory.path())
    } else {
        drop(spool);
        directory
    };
    let segment = directory.path().join("0000000001.sqlite");
    let bytes =
        [fs::read(&segment).unwrap(), fs::read(salvage::log_of(&segment)).unwrap_or_default()];
    let mut places = Vec::new();
    for (file, bytes) in bytes.iter().enumerate() {
        for at in memchr::memmem::find_iter(bytes, &MAGIC) {
            if let Ok(event) = decode(&bytes[at..]) {
                let frame = at..at + encode(&event).unwrap().len();
                places.push((event.reception().key.id, file, frame));
            }
        }
    }
    Files { bytes, places }
}

impl Files {
    /// The events that are still whole somewhere in damaged files.
    fn intact(&self, damaged: &[Vec<u8>; 2]) -> HashSet<Uuid> {
        self.places
            .iter()
            .filter(|(_, file, frame)| {
                damaged[*file].get(frame.clone()) == self.bytes[*file].get(frame.clone())
            })
            .map(|(id, ..)| *id)
            .collect()
    }

    /// With such files a service starts: it takes new events at once, and of the old ones those that
    /// are whole come out.
    fn survives(&self, damaged: &[Vec<u8>; 2], what: &str) {
        let directory = tempfile::tempdir().unwrap();
        let segment = directory.path().join("0000000001.sqlite");
        fs::write(&segment, &damaged[0]).unwrap();
        if !damaged[1].is_empty() {
            fs::write(salvage::log_of(&segment), &damaged[1]).unwrap();
        }
        let spool = Spool::open(options(directory.path())).unwrap();
        let new = reports(0..5);
        spool.append(&new).unwrap();
        let out: HashSet<_> =
            drained(&spool).iter().map(|event| event.reception().key.id).collect();
        let mut expected = self.intact(damaged);
        expected.extend(new.iter().map(|event| event.reception().key.id));
        let missing = expected.difference(&out).count();
        assert_eq!(missing, 0, "{what}: {} of {} came out", out.len(), expected.len());
        let left = files(directory.path());
        assert!(left.iter().all(|name| name.contains(".damaged")), "{what}: {left:?}");
    }
}

#[test]
fn after_flipped_bytes_every_event_that_is_whole_comes_out() {
    for killed in [false, true] {
        let files = filled(killed);
        for (file, bytes) in files.bytes.iter().enumerate() {
            let header = (0..120).step_by(11);
            let all_over = (0..bytes.len()).step_by(bytes.len() / 25 + 1).map(|place| place + 11);
            for place in header.chain(all_over).filter(|place| *place < bytes.len()) {
                let mut damaged = files.bytes.clone();
                damaged[file][place] ^= 0x55;
                files.survives(&damaged, &format!("killed {killed}, file {file}, byte {place}"));
            }
        }
    }
}

#[test]
fn a_flipped_version_byte_does_not_hide_another_copy_of_the_record() {
    let files = filled(false);
    for (_, file, frame) in files.places.iter().step_by(60) {
        let mut damaged = files.bytes.clone();
        damaged[*file][frame.start + MAGIC.len()] ^= 0x55;
        files.survives(&damaged, &format!("file {file}, record at {}", frame.start));
    }
}

#[test]
fn after_a_truncation_every_event_that_is_whole_comes_out() {
    for killed in [false, true] {
        let files = filled(killed);
        for (file, bytes) in files.bytes.iter().enumerate() {
            for length in (0..bytes.len()).step_by(bytes.len() / 12 + 1) {
                let mut damaged = files.bytes.clone();
                damaged[file].truncate(length);
                files.survives(&damaged, &format!("killed {killed}, file {file} cut at {length}"));
            }
        }
    }
}

#[test]
fn looking_into_a_spool_changes_none_of_its_files() {
    let files = filled(true);
    let mut damaged = files.bytes.clone();
    damaged[1][32 + 2 * (32_768 + 24) + 24 + 5_000] ^= 1;
    let directory = tempfile::tempdir().unwrap();
    let segment = directory.path().join("0000000001.sqlite");
    fs::write(&segment, &damaged[0]).unwrap();
    fs::write(salvage::log_of(&segment), &damaged[1]).unwrap();

    let [surveyed] = &survey(directory.path()).unwrap()[..] else { panic!("one file") };
    assert_eq!(surveyed.contents, Contents::Damaged);
    let mut lines = 0;
    export(&segment, |_| {
        lines += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(lines, files.intact(&damaged).len() as u64);
    assert_eq!(surveyed.callbacks, lines);
    assert_eq!(fs::read(&segment).unwrap(), damaged[0]);
    assert_eq!(fs::read(salvage::log_of(&segment)).unwrap(), damaged[1]);
}

#[test]
fn a_damaged_log_is_noticed_and_kept_even_if_none_of_its_records_is_in_one_piece() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    for name in 0..4 {
        spool.append(&[report(&format!("{name}{}", "x".repeat(50_000)))]).unwrap();
    }
    let copy = as_killed(directory.path());
    let log = salvage::log_of(&copy.path().join("0000000001.sqlite"));
    let mut bytes = fs::read(&log).unwrap();
    bytes[32 + 3 * (32_768 + 24) + 24 + 5_000] ^= 1;
    fs::write(&log, bytes).unwrap();

    drained(&Spool::open(options(copy.path())).unwrap());
    assert_eq!(files(copy.path()), ["0000000001.sqlite.damaged", "0000000001.sqlite.damaged-wal"]);
}

#[test]
fn a_log_that_ends_in_the_midst_of_a_commit_is_whole() {
    let files = filled(true);
    let directory = tempfile::tempdir().unwrap();
    let segment = directory.path().join("0000000001.sqlite");
    assert!(log::log_is_whole(&segment), "there is none");
    for length in (32..=files.bytes[1].len()).step_by(4_999) {
        fs::write(salvage::log_of(&segment), &files.bytes[1][..length]).unwrap();
        assert!(log::log_is_whole(&segment), "{length}");
    }
}
