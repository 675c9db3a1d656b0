//! Finding whole records in a damaged file, without the database around them.
//!
//! Pages are read as bytes, in the file and in its log. A record larger than a page is in pieces and
//! can't be found so; it stays in the file that is set aside. A record may be found more than once,
//! and also when it was removed already: all copies carry the same id, so Postgres keeps one row.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::domain::Event;

use super::record::{MAGIC, decode};

const WINDOW_BYTES: usize = 1024 * 1024;

/// No record in one piece is longer than a page; the window is read on by this much.
const OVERLAP_BYTES: usize = 64 * 1024;

/// A reader over the bytes of a segment and its log.
pub(super) struct Salvage {
    unread: Vec<PathBuf>,
    current: Option<(File, u64)>,
    found: u64,
}

impl Salvage {
    /// All of a segment.
    pub(super) fn of(segment: &Path) -> Self {
        Self::of_files(vec![log_of(segment), segment.to_owned()])
    }

    /// Only what stands in its log. `SQLite` takes a log for as long as its checksums are right, and
    /// passes over what follows in silence: after a crash that was never committed, but where a byte
    /// has changed later, it was.
    pub(super) fn of_log(segment: &Path) -> Self {
        Self::of_files(vec![log_of(segment)])
    }

    fn of_files(unread: Vec<PathBuf>) -> Self {
        Self { unread, current: None, found: 0 }
    }

    /// How many records were found, copies included.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// The next facts; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<Event>>> {
        loop {
            let Some((file, offset)) = &mut self.current else {
                let Some(path) = self.unread.pop() else { return Ok(None) };
                if path.exists() {
                    self.current = Some((File::open(path)?, 0));
                }
                continue;
            };
            let window = read(file, *offset, WINDOW_BYTES + OVERLAP_BYTES)?;
            *offset += WINDOW_BYTES as u64;
            if window.is_empty() {
                self.current = None;
                continue;
            }
            let mut facts: Vec<Event> = memmem::find_iter(&window, &MAGIC)
                .take_while(|&at| at < WINDOW_BYTES)
                .filter_map(|at| decode(window.get(at..)?).ok())
                .collect();
            facts.sort_by_key(|fact| fact.reception().key);
            self.found += facts.len() as u64;
            if !facts.is_empty() {
                return Ok(Some(facts));
            }
        }
    }
}

/// The write-ahead log of a segment.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Up to so many bytes from an offset on.
fn read(file: &File, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut window = vec![0; bytes];
    let mut filled = 0;
    while let Some(rest) = window.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    window.truncate(filled);
    Ok(window)
}
