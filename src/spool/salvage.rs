//! Finds whole records in the bytes of a damaged file and its log.
//!
//! A record larger than a page is stored in pieces and can't be found; it stays in the file that is set
//! aside. A record may be found more than once: all copies have the same key, so Postgres keeps one row.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::domain::Event;

use super::record::{MAGIC, decode};

const WINDOW_BYTES: usize = 1024 * 1024;

/// Added to the window, so that it contains each record that begins in it: none in one piece is longer
/// than a page.
const OVERLAP_BYTES: usize = 64 * 1024;

/// A reader over the bytes of a segment and its log.
pub(super) struct Salvage {
    unread: Vec<PathBuf>,
    current: Option<(File, u64)>,
    found: u64,
}

impl Salvage {
    /// Reads a segment and its log.
    pub(super) fn of(segment: &Path) -> Self {
        Self::of_files(vec![log_of(segment), segment.to_owned()])
    }

    /// Reads only the log of a segment. `SQLite` silently stops at the first wrong checksum: after a crash
    /// what follows was never committed, but after damage it was.
    pub(super) fn of_log(segment: &Path) -> Self {
        Self::of_files(vec![log_of(segment)])
    }

    fn of_files(unread: Vec<PathBuf>) -> Self {
        Self { unread, current: None, found: 0 }
    }

    /// The number of records so far, copies included.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// The next events; `None` at the end.
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
            let mut events: Vec<Event> = memmem::find_iter(&window, &MAGIC)
                .take_while(|&at| at < WINDOW_BYTES)
                .filter_map(|at| decode(window.get(at..)?).ok())
                .collect();
            events.sort_by_key(|event| event.reception().key);
            self.found += events.len() as u64;
            if !events.is_empty() {
                return Ok(Some(events));
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

/// Reads up to `bytes` bytes.
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
