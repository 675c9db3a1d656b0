//! What is written can be read again, in order and once, whatever happens to the files meanwhile.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on fails")]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use uuid::Uuid;

use super::record::{RecordError, decode, encode};
use super::*;
use crate::domain::{
    Charset, DeliveryReport, DeliveryStatus, Extra, InboundMessage, MessageText, PhoneNumber,
    Reception, StampSource, Transport,
};

fn options(directory: &Path) -> SpoolOptions {
    SpoolOptions {
        directory: directory.to_owned(),
        max_bytes: 1024 * 1024 * 1024,
        min_free_bytes: 0,
    }
}

fn reception() -> Reception {
    thread_local!(static STAMPS: StampSource = StampSource::system());
    Reception {
        stamp: STAMPS.with(StampSource::next),
        account: "main".parse().unwrap(),
        transport: Transport::HttpPost,
        remote_addr: "2001:db8::1".parse().unwrap(),
    }
}

fn report(mess_id: &str) -> Event {
    Event::DeliveryReport(DeliveryReport {
        reception: reception(),
        mess_id: mess_id.into(),
        number: PhoneNumber::new("441234567890"),
        status: DeliveryStatus::new("250".into()),
        extra: Extra::default(),
    })
}

fn reports(names: std::ops::Range<usize>) -> Vec<Event> {
    names.map(|name| report(&name.to_string())).collect()
}

/// Takes everything out, as the drain does, and keeps one of each, as Postgres does.
fn drained(spool: &Spool) -> Vec<Event> {
    let mut all = Vec::new();
    let mut known = HashSet::new();
    while let Some(chunk) = spool.next(60).unwrap() {
        let is_new = |event: &&Event| known.insert(event.reception().stamp.id);
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

/// The files as they are, which is how a killed process leaves them: the log is not worked in.
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
fn a_chunk_that_was_not_settled_comes_out_again() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let all = reports(0..20);
    spool.append(&all).unwrap();
    let copy = as_killed(directory.path());
    for spool in [spool, Spool::open(options(copy.path())).unwrap()] {
        let first = spool.next(5).unwrap().unwrap();
        assert_eq!(spool.next(5).unwrap().unwrap().events, first.events);
        spool.settle(&first, 0).unwrap();
        let second = spool.next(5).unwrap().unwrap();
        assert_eq!(spool.next(5).unwrap().unwrap().events, second.events);
    }
}

#[test]
fn a_second_owner_is_refused_until_the_first_lets_go() {
    let directory = tempfile::tempdir().unwrap();
    let first = Spool::open(options(directory.path())).unwrap();
    let refused = Spool::open(options(directory.path())).err().unwrap();
    assert!(matches!(refused, SpoolError::InUse { .. }), "{refused}");

    // The successor begins while the first still finishes, and takes over what that leaves.
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
    assert!(matches!(error, SpoolError::Full { max_bytes: told } if told == max_bytes), "{error}");
    assert!(taken > 5_000, "{taken}");
    let bytes: u64 = files(directory.path())
        .iter()
        .map(|name| fs::metadata(directory.path().join(name)).unwrap().len())
        .sum();
    assert!(bytes <= max_bytes, "{bytes}");

    // Room that is made can be used again.
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
fn a_file_with_facts_that_postgres_takes_nowhere_is_set_aside_whole() {
    for left in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(options(directory.path())).unwrap();
        let all = reports(0..20);
        spool.append(&all).unwrap();
        if left {
            drop(spool);
            spool = Spool::open(options(directory.path())).unwrap();
        }
        while let Some(chunk) = spool.next(6).unwrap() {
            spool.settle(&chunk, 1).unwrap();
        }
        let names = files(directory.path());
        assert!(names.iter().all(|name| name.contains(".sqlite.damaged")), "{names:?}");
        let aside = &names[0];
        let mut lines = 0;
        export(&directory.path().join(aside), |_| {
            lines += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(lines, 20);
    }
}

#[test]
fn a_large_segment_is_followed_by_the_next_and_both_are_drained_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let mut all = Vec::new();
    while files(directory.path()).iter().filter(|name| name.ends_with(".sqlite")).count() < 2 {
        let events = reports(0..4_000);
        spool.append(&events).unwrap();
        all.extend(events.into_iter().map(|event| event.reception().stamp));
    }
    let mut out = Vec::new();
    while let Some(chunk) = spool.next(5_000).unwrap() {
        out.extend(chunk.events.iter().map(|event| event.reception().stamp));
        spool.settle(&chunk, 0).unwrap();
    }
    assert_eq!(out, all);
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

/// The bytes of a segment and of its log, and where in them each fact stands.
struct Files {
    bytes: [Vec<u8>; 2],
    places: Vec<(Uuid, usize, std::ops::Range<usize>)>,
}

/// A spool of 600 facts in several transactions, as a process that was stopped or killed leaves it.
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
        for at in memchr::memmem::find_iter(bytes, &record::MAGIC) {
            if let Ok(event) = decode(&bytes[at..]) {
                let frame = at..at + encode(&event).len();
                places.push((event.reception().stamp.id, file, frame));
            }
        }
    }
    Files { bytes, places }
}

impl Files {
    /// The facts that are still whole somewhere in damaged files.
    fn intact(&self, damaged: &[Vec<u8>; 2]) -> HashSet<Uuid> {
        self.places
            .iter()
            .filter(|(_, file, frame)| {
                damaged[*file].get(frame.clone()) == self.bytes[*file].get(frame.clone())
            })
            .map(|(id, ..)| *id)
            .collect()
    }

    /// With such files a service starts: it takes new facts at once, and of the old ones those that
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
            drained(&spool).iter().map(|event| event.reception().stamp.id).collect();
        let mut expected = self.intact(damaged);
        expected.extend(new.iter().map(|event| event.reception().stamp.id));
        let missing = expected.difference(&out).count();
        assert_eq!(missing, 0, "{what}: {} of {} came out", out.len(), expected.len());
        let left = files(directory.path());
        assert!(left.iter().all(|name| name.contains(".damaged")), "{what}: {left:?}");
    }
}

#[test]
fn after_flipped_bytes_every_fact_that_is_whole_comes_out() {
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
        damaged[*file][frame.start + record::MAGIC.len()] ^= 0x55;
        files.survives(&damaged, &format!("file {file}, record at {}", frame.start));
    }
}

#[test]
fn after_a_truncation_every_fact_that_is_whole_comes_out() {
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

#[test]
fn files_that_are_not_the_spool_s_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("app.sqlite"), "").unwrap();
    fs::create_dir(directory.path().join("0000000001.sqlite")).unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let all = reports(0..5);
    spool.append(&all).unwrap();
    assert_eq!(drained(&spool), all);
    assert_eq!(files(directory.path()), ["0000000001.sqlite", "app.sqlite"]);
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
fn a_record_of_a_later_version_is_set_aside_and_not_lost() {
    let mut frame = encode(&report("m"));
    frame[record::MAGIC.len()] = 2;
    assert_eq!(decode(&frame), Err(RecordError::UnknownVersion(2)));
    frame.pop();
    assert_eq!(decode(&frame), Err(RecordError::Damaged));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".*", "\\PC*", "[ +0-9()\\-]{0,20}"]
}

proptest! {
    #[test]
    fn any_fact_can_be_written_and_read_again(
        texts in prop::array::uniform6(text()),
        raw in prop::collection::vec(any::<u8>(), 0..300),
        dcs in prop::option::of(text()),
        lossy in any::<bool>(),
        charset in 0..3_usize,
    ) {
        let [a, b, c, d, e, f] = texts;
        let extra: Extra = [(e.as_str().into(), f.as_str().into()), (e.as_str().into(), a.as_str().into())]
            .into_iter()
            .collect();
        let report = Event::DeliveryReport(DeliveryReport {
            reception: reception(),
            mess_id: a.as_str().into(),
            number: PhoneNumber::new(&b),
            status: DeliveryStatus::new(c.as_str().into()),
            extra: extra.clone(),
        });
        let charset = [Charset::Gsm7, Charset::Utf16LeHex, Charset::Latin1][charset];
        let message = Event::InboundMessage(InboundMessage {
            reception: reception(),
            org: PhoneNumber::new(&b),
            dest: PhoneNumber::new(&c),
            dcs: dcs.map(Into::into),
            message: MessageText::new(d, charset, lossy),
            message_raw: raw,
            extra,
        });
        let rejected = Event::RejectedCallback(message.clone().into_rejected(a.into()));
        for event in [report, message, rejected] {
            prop_assert_eq!(decode(&encode(&event)), Ok(event));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        bytes.splice(..0, *b"\x8Drouto\n\x01");
        let _ = decode(&bytes);
    }
}
