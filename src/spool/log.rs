//! Whether a write-ahead log is whole: `SQLite` reads it up to the first frame that is not, and passes
//! over the rest in silence, as it must after a crash in the midst of a commit. Where a later frame
//! ends a commit, a byte has changed since.
//!
//! The format is in the documentation of `SQLite`, "WAL-mode File Format".

use std::fs;
use std::path::Path;

use super::salvage::log_of;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Whether all that was committed to a segment's log can be read. So it is where there is no log.
pub(super) fn log_is_whole(segment: &Path) -> bool {
    fs::read(log_of(segment)).map_or(true, |log| is_whole(&log))
}

fn is_whole(log: &[u8]) -> bool {
    let Some((header, frames)) = log.split_first_chunk::<HEADER_BYTES>() else {
        return log.is_empty();
    };
    let big_endian = header.get(3).is_some_and(|byte| byte & 1 == 1);
    let mut sum = Checksum { big_endian, value: (0, 0) };
    sum.add(header.get(..24).unwrap_or_default());
    if Some(sum.value) != pair(header, 24) {
        return false;
    }
    let salts = pair(header, 16);
    let page = word(header, 8).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
    let mut is_read = true;
    for frame in frames.chunks_exact(FRAME_HEADER_BYTES + page) {
        if pair(frame, 8) != salts {
            // Left over from before the log was begun again, or damaged: then what follows tells.
            is_read = false;
            continue;
        }
        sum.add(frame.get(..8).unwrap_or_default());
        sum.add(frame.get(FRAME_HEADER_BYTES..).unwrap_or_default());
        is_read = is_read && Some(sum.value) == pair(frame, 16);
        let ends_a_commit = word(frame, 4).is_some_and(|pages| pages > 0);
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
        let number = |bytes: &[u8]| {
            let bytes = bytes.first_chunk().copied().unwrap_or_default();
            if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        for eight in bytes.chunks_exact(8) {
            let (first, second) = eight.split_at(4);
            let (a, b) = self.value;
            let a = a.wrapping_add(number(first)).wrapping_add(b);
            self.value = (a, b.wrapping_add(number(second)).wrapping_add(a));
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

fn pair(bytes: &[u8], at: usize) -> Option<(u32, u32)> {
    Some((word(bytes, at)?, word(bytes, at + 4)?))
}
