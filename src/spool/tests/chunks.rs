//! Chunks: what is settled goes on, what is not comes out again.

use super::super::*;
use super::{as_killed, drained, files, options, report, reports};

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
fn a_chunk_of_a_file_that_was_closed_meanwhile_settles_nothing_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    spool.append(&reports(0..20)).unwrap();
    let chunk = spool.next(5).unwrap().unwrap();
    // The first file is full, and there is a second one.
    let large = report(&"x".repeat(127 * 1024));
    spool.append(std::slice::from_ref(&large)).unwrap();
    spool.settle(&chunk, 0).unwrap();
    let out = drained(&spool);
    assert_eq!((out.len(), out.last()), (21, Some(&large)));
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[test]
fn a_large_segment_is_followed_by_the_next_and_both_are_drained_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let mut all = Vec::new();
    while files(directory.path()).len() < 2 {
        let events = reports(0..4_000);
        spool.append(&events).unwrap();
        all.extend(events.into_iter().map(|event| event.reception().key));
    }
    let mut out = Vec::new();
    while let Some(chunk) = spool.next(5_000).unwrap() {
        out.extend(chunk.events.iter().map(|event| event.reception().key));
        spool.settle(&chunk, 0).unwrap();
    }
    assert_eq!(out, all);
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[test]
fn a_file_with_events_that_postgres_takes_nowhere_is_set_aside_whole() {
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
        assert!(names.iter().all(|name| name.contains(".spool.damaged")), "{names:?}");
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
