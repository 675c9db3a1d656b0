//! Checks whether a write-ahead log is whole. `SQLite` silently stops at the first invalid frame, as it must
//! after a crash during a commit. If a later frame ends a commit, the frame was valid once.
//!
//! The format is in the documentation of `SQLite`, "WAL-mode File Format".

use std::fs;
use std::io;
use std::path::Path;

use super::salvage::log_of;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Whether all that was committed to a segment's log can be read. A missing log counts as whole.
pub(super) fn log_is_whole(segment: &Path) -> bool {
    match fs::read(log_of(segment)) {
        Ok(log) => is_whole(&log),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn is_whole(log: &[u8]) -> bool {
    let Some((header, frames)) = log.split_first_chunk::<HEADER_BYTES>() else {
        return log.is_empty();
    };
    let big_endian = word(header, 0) & 1 == 1;
    let mut sum = Checksum { big_endian, value: (0, 0) };
    sum.add(header.split_at(24).0);
    if sum.value != pair(header, 24) {
        return false;
    }
    let salts = pair(header, 16);
    let page = word(header, 8) as usize;
    let mut is_read = true;
    for frame in frames.chunks_exact(FRAME_HEADER_BYTES + page) {
        if pair(frame, 8) != salts {
            // From before the log was restarted, or damaged: later frames show which.
            is_read = false;
            continue;
        }
        sum.add(frame.split_at(8).0);
        sum.add(frame.split_at(FRAME_HEADER_BYTES).1);
        is_read = is_read && sum.value == pair(frame, 16);
        let ends_a_commit = word(frame, 4) > 0;
        if ends_a_commit && !is_read {
            return false;
        }
    }
    true
}

struct Checksum {
    big_endian: bool,
    value: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks_exact(8) {
            let number = |at| {
                let number = word(eight, at);
                if self.big_endian { number } else { number.swap_bytes() }
            };
            let (a, b) = self.value;
            let a = a.wrapping_add(number(0)).wrapping_add(b);
            self.value = (a, b.wrapping_add(number(4)).wrapping_add(a));
        }
    }
}

/// A number within a header or a frame, in big-endian order.
fn word(bytes: &[u8], at: usize) -> u32 {
    let (_, rest) = bytes.split_at(at);
    u32::from_be_bytes(*rest.first_chunk().expect("headers and frames are longer"))
}

fn pair(bytes: &[u8], at: usize) -> (u32, u32) {
    (word(bytes, at), word(bytes, at + 4))
}
