//! Reads the records of a file from its bytes, whatever happened to them.
//!
//! A frame follows the previous one immediately. Where it does not, the file is damaged, and the next intact
//! frame is looked for. The position only goes forward, and bytes are read in windows: neither a damaged nor
//! a huge file is read without end, nor into memory as a whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memchr::memmem;
use rustix::io::Errno;

use crate::domain::Event;

use super::frame::{HEAD_BYTES, Head, MARKER};
use super::record::{OtherRecord, Unreadable, read};

/// How much is read at a time, in bytes.
const WINDOW_BYTES: usize = 256 * 1024;

/// The most bytes of a file that are read. None that this program writes is longer.
pub(super) const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// What a disk can't read is left out in blocks of this many bytes.
const BLOCK_BYTES: u64 = 4096;

/// Stands in the place of a byte that the disk can't read.
const UNREADABLE: u8 = 0xFF;

/// A position in a file, and what lies before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    offset: u64,
    /// That of the first intact frame, and so of all.
    writer: Option<u64>,
    /// Bytes between intact frames, and behind the last one unless they are zero.
    pub(super) damaged_bytes: u64,
    /// Callbacks, and records that can't be read.
    records: u64,
    /// What the first record says of the bytes of the file.
    file_bytes: u64,
    /// What the last record says of the number before it.
    end: Option<u64>,
}

impl Position {
    /// Whether this is in a file of ours: at least one frame is intact.
    pub(super) fn is_in_ours(&self) -> bool {
        self.writer.is_some()
    }

    /// How many callbacks are before it, and records that can't be read.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Whether bytes or records before it are missing, in a file of this length.
    pub(super) fn is_damaged(&self, file_bytes: u64) -> bool {
        self.damaged_bytes > 0
            || file_bytes < self.file_bytes
            || self.end.is_some_and(|callbacks| callbacks != self.records)
    }
}

/// A reader of a file from a position to a limit.
pub(super) struct Scan<'a> {
    file: &'a File,
    limit: u64,
    position: Position,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Scan<'a> {
    /// Reads from `position` up to `limit`, where `None` is the end of the file.
    pub(super) fn new(file: &'a File, position: Position, limit: Option<u64>) -> io::Result<Self> {
        let limit = match limit {
            Some(limit) => limit,
            None => file.metadata()?.len().min(MAX_FILE_BYTES),
        };
        Ok(Self { file, limit, position, window: Vec::new(), window_at: 0 })
    }

    /// Behind the last record.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// The next callback, or record that can't be read; `None` at the limit.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<Event, Unreadable>>> {
        while let Some(head) = self.find_head()? {
            let frame = self.bytes(head.frame_bytes())?;
            let content = frame.and_then(|frame| head.content(frame.get(HEAD_BYTES..)?));
            let Some(record) = content.map(read) else {
                if self.is_cut_short(head)? {
                    self.position.offset = self.limit;
                } else {
                    // The next frame may begin within what this head announces.
                    self.position.offset += 1;
                    self.position.damaged_bytes += 1;
                }
                continue;
            };
            self.position.writer = Some(head.writer);
            self.position.offset += head.frame_bytes() as u64;
            let callback = match record {
                Err(OtherRecord::Begin { file_bytes }) => {
                    self.position.file_bytes = file_bytes;
                    continue;
                }
                Err(OtherRecord::End { callbacks }) => {
                    self.position.end = Some(callbacks);
                    continue;
                }
                Err(OtherRecord::Unreadable(why)) => Err(why),
                Ok(event) => Ok(event),
            };
            self.position.records += 1;
            return Ok(Some(callback));
        }
        Ok(None)
    }

    /// The next intact head, which is then at the position. What is passed is damaged, except zeros behind
    /// the last frame, which were reserved and never used, and the beginning of a head before them, which a
    /// kill cut short.
    fn find_head(&mut self) -> io::Result<Option<Head>> {
        let from = self.position.offset;
        let mut used_to = from;
        let writer = self.position.writer;
        while let Some(bytes) = self.bytes(HEAD_BYTES)? {
            let head = Head::read(bytes);
            let head = head.filter(|head| writer.is_none_or(|writer| writer == head.writer));
            if head.is_some() {
                self.position.damaged_bytes += self.position.offset - from;
                return Ok(head);
            }
            let window = self.rest_of_window();
            let next = match memmem::find(window, &MARKER) {
                Some(0) => 1,
                Some(at) => at,
                // The window may end within a marker.
                None => window.len() - (MARKER.len() - 1),
            };
            if let Some(last) = last_used(window.split_at(next).0) {
                used_to = self.position.offset + last;
            }
            self.position.offset += next as u64;
        }
        if let Some(last) = last_used(self.rest()?) {
            used_to = self.position.offset + last;
        }
        self.position.offset = self.limit;
        if used_to - from > HEAD_BYTES as u64 {
            self.position.damaged_bytes += used_to - from;
        }
        Ok(None)
    }

    /// Whether the process was killed while it wrote the frame of this head, which is at the position: the
    /// frame's last byte was not written, and nothing behind it.
    fn is_cut_short(&mut self, head: Head) -> io::Result<bool> {
        let at = self.position.offset;
        self.position.offset += head.frame_bytes() as u64 - 1;
        let mut is_unused = self.position.offset < self.limit;
        while is_unused && self.position.offset < self.limit {
            self.load(WINDOW_BYTES)?;
            is_unused = !self.window.is_empty() && last_used(&self.window).is_none();
            self.position.offset += self.window.len() as u64;
        }
        self.position.offset = at;
        Ok(is_unused)
    }

    /// The first bytes at the position; `None` if there are fewer before the limit.
    fn bytes(&mut self, count: usize) -> io::Result<Option<&[u8]>> {
        if self.limit.saturating_sub(self.position.offset) < count as u64 {
            return Ok(None);
        }
        if self.rest_of_window().len() < count {
            self.load(count.max(WINDOW_BYTES))?;
        }
        Ok(self.rest_of_window().get(..count))
    }

    /// All bytes to the limit, which are fewer than a head.
    fn rest(&mut self) -> io::Result<&[u8]> {
        self.load(HEAD_BYTES)?;
        Ok(self.rest_of_window())
    }

    /// What is loaded from the position on; nothing where the window ends before it.
    fn rest_of_window(&self) -> &[u8] {
        let past = self.position.offset.checked_sub(self.window_at);
        let past = past.and_then(|past| usize::try_from(past).ok());
        past.and_then(|past| self.window.get(past..)).unwrap_or_default()
    }

    /// Reads up to `count` bytes from the position.
    fn load(&mut self, count: usize) -> io::Result<()> {
        let left = self.limit.saturating_sub(self.position.offset);
        let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.window.resize(count, 0);
        self.window_at = self.position.offset;
        let (mut at, mut unread) = (self.window_at, self.window.as_mut_slice());
        while !unread.is_empty() {
            let read = match self.file.read_at(unread, at) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => {
                    // The disk can't read this block; it may read the next one.
                    let block = BLOCK_BYTES - at % BLOCK_BYTES;
                    let block = unread.len().min(usize::try_from(block).unwrap_or(usize::MAX));
                    unread.split_at_mut(block).0.fill(UNREADABLE);
                    block
                }
                Err(error) => return Err(error),
            };
            at += read as u64;
            unread = unread.split_at_mut(read).1;
        }
        let missing = unread.len();
        self.window.truncate(count - missing);
        Ok(())
    }
}

/// How many bytes there are up to the last one that is not zero.
fn last_used(bytes: &[u8]) -> Option<u64> {
    bytes.iter().rposition(|byte| *byte != 0).map(|last| last as u64 + 1)
}
