//! The file that this process writes to. Its space is reserved as zeros, so that a sync writes only data.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::domain::Event;

use super::directory::sync;
use super::error::SpoolError;
use super::frame::{self, HEAD_BYTES, TooLong};
use super::record::{write_begin, write_callback, write_end};

/// What a file needs for the records at its beginning and at its end, in bytes.
const OWN_BYTES: u64 = 256;

/// How much is reserved with one write, in bytes.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

pub(super) struct Segment {
    path: PathBuf,
    file: File,
    writer: u64,
    /// Behind the last frame that is on disk.
    end: u64,
    bytes: u64,
    callbacks: u64,
}

/// Frames that are written together.
#[derive(Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    callbacks: u64,
}

impl Frames {
    pub(super) fn of(writer: u64, events: &[Event]) -> Result<Self, SpoolError> {
        let about = |event: &Event| HEAD_BYTES + event.weight();
        let mut bytes = Vec::with_capacity(events.iter().map(about).sum());
        for event in events {
            frame::append(&mut bytes, writer, |to| write_callback(to, event))
                .map_err(|TooLong(bytes)| SpoolError::TooLong { bytes })?;
        }
        Ok(Self { bytes, callbacks: events.len() as u64 })
    }

    fn of_record(writer: u64, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, writer, write).expect("a record that is no callback is short");
        Self { bytes, callbacks: 0 }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The size of a file with room for these frames.
    pub(super) fn file_bytes(&self) -> u64 {
        self.len() + OWN_BYTES
    }
}

impl Segment {
    /// Creates a file of so many bytes. Its name is durable when this returns.
    pub(super) fn create(path: &Path, writer: u64, bytes: u64) -> Result<Self, SpoolError> {
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => SpoolError::Exists { path: path.to_owned() },
                _ => SpoolError::file(path)(error),
            })?;
        lock(&file, path)?;
        let mut segment = Self { path: path.to_owned(), file, writer, end: 0, bytes, callbacks: 0 };
        segment.reserve().map_err(SpoolError::file(path))?;
        segment.append(&Frames::of_record(writer, |to| write_begin(to, bytes)))?;
        sync(path.parent().expect("a file of the spool is in its directory"))?;
        Ok(segment)
    }

    fn reserve(&self) -> io::Result<()> {
        let mut at = 0;
        while at < self.bytes {
            let left = usize::try_from(self.bytes - at).unwrap_or(usize::MAX);
            let zeros = ZEROS.split_at(left.min(ZEROS.len())).0;
            self.file.write_all_at(zeros, at)?;
            at += zeros.len() as u64;
        }
        // The length, too.
        self.file.sync_all()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Behind the last frame that is on disk.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn callbacks(&self) -> u64 {
        self.callbacks
    }

    pub(super) fn has_room_for(&self, frames: &Frames) -> bool {
        self.end + frames.len() + OWN_BYTES <= self.bytes
    }

    /// Returns once all frames are on disk.
    ///
    /// After an error the file must not be written to again: its contents on disk are not certain.
    pub(super) fn append(&mut self, frames: &Frames) -> Result<(), SpoolError> {
        // Without frames, a zero takes the place of a zero, to find out whether the disk takes it.
        let bytes = if frames.bytes.is_empty() { &[0] } else { frames.bytes.as_slice() };
        self.file
            .write_all_at(bytes, self.end)
            .and_then(|()| self.file.sync_data())
            .map_err(SpoolError::file(&self.path))?;
        self.end += frames.len();
        self.callbacks += frames.callbacks;
        Ok(())
    }

    /// Marks the end of a file that gets no more callbacks, so that missing ones are noticed.
    pub(super) fn seal(mut self) {
        let callbacks = self.callbacks;
        let end = Frames::of_record(self.writer, |to| write_end(to, callbacks));
        // Without the mark, the file is read like that of a killed process.
        let _ = self.append(&end);
    }
}

/// Locks a file until it is closed, or the process ends.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), SpoolError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(SpoolError::File { path: path.to_owned(), source }),
    }
}
