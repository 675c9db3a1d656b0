//! Keeps events on disk while Postgres can't take them. Knows files, not what happens to the events.
//!
//! Each process writes a segment of its own and drains those that others left. So a damaged file can't
//! prevent a start, and a successor can start before its predecessor has ended. All calls block.

mod backlog;
mod directory;
mod draining;
mod error;
mod figures;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod json;
mod leftover;
mod record;
mod scan;
mod segment;
mod survey;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::RngExt as _;

use crate::domain::Event;
use crate::error_chain::Chain;

use backlog::Backlog;
use directory::Directory;
use draining::{Draining, Waiting};
use leftover::remove_or_set_aside;
use segment::{Frames, Segment};

pub use directory::is_set_aside;
pub use draining::Chunk;
pub use error::SpoolError;
pub use figures::Figures;
pub use survey::{Contents, SurveyedFile, export, survey};

/// The place and the bounds of the spool.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// Created if it is missing.
    pub directory: PathBuf,
    /// What a file reserves; more only for a batch that is larger.
    pub segment_bytes: u64,
    /// The most bytes that all files together may take.
    pub max_bytes: u64,
    /// Bytes of the disk that the spool leaves free.
    pub min_free_bytes: u64,
}

impl SpoolOptions {
    /// Whether a spool that was used before could take callbacks now. Creates nothing.
    pub fn check_room(&self) -> Result<(), SpoolError> {
        if self.directory.exists() { self.check_room_for(self.segment_bytes) } else { Ok(()) }
    }

    /// Whether a file of this size may be created.
    fn check_room_for(&self, bytes: u64) -> Result<(), SpoolError> {
        let Self { max_bytes, min_free_bytes, .. } = *self;
        let directory = Directory::make(&self.directory)?;
        if directory.bytes()? + bytes > max_bytes {
            return Err(SpoolError::Full { max_bytes });
        }
        let free = directory.disk()?.free;
        if free < min_free_bytes.saturating_add(bytes) {
            return Err(SpoolError::DiskFull { free, min_free_bytes });
        }
        Ok(())
    }
}

/// The spool of this process.
pub struct Spool {
    options: SpoolOptions,
    directory: Directory,
    /// In every frame that this process writes.
    writer: u64,
    /// The right to drain what others left. Given up before the process ends.
    lock: Mutex<Option<File>>,
    own: Mutex<Option<Own>>,
    /// The path of `own`, from before its file is created until after it is closed.
    own_path: Mutex<Option<PathBuf>>,
    backlog: Mutex<Backlog>,
}

/// The segment that this process writes to and drains.
struct Own {
    segment: Segment,
    draining: Draining,
}

impl Own {
    fn left(&self) -> u64 {
        self.segment.callbacks() - self.draining.settled()
    }
}

impl Spool {
    /// Locks the directory. Reads none of its files yet.
    pub fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let directory = Directory::make(&options.directory)?;
        let lock = directory.lock()?;
        directory.check_no_old_segments()?;
        let disk = directory.disk()?;
        if disk.size <= options.min_free_bytes {
            return Err(SpoolError::NeverRoom {
                size: disk.size,
                min_free_bytes: options.min_free_bytes,
            });
        }
        Ok(Self {
            options,
            directory,
            writer: rand::rng().random(),
            lock: Mutex::new(Some(lock)),
            own: Mutex::new(None),
            own_path: Mutex::new(None),
            backlog: Mutex::new(Backlog::default()),
        })
    }

    /// Returns once all of the events are on disk. After an error any of them may be.
    pub fn append(&self, events: &[Event]) -> Result<(), SpoolError> {
        self.write(&Frames::of(self.writer, events)?)
    }

    /// Finds out whether events could be written.
    pub fn probe(&self) -> Result<(), SpoolError> {
        self.write(&Frames::default())
    }

    fn write(&self, frames: &Frames) -> Result<(), SpoolError> {
        let mut own = locked(&self.own);
        if own.as_ref().is_some_and(|own| !own.segment.path().exists()) {
            tracing::error!(
                "a spool file was removed with the callbacks in it; starting a new one"
            );
            self.leave(&mut own);
        }
        if own.as_ref().is_some_and(|own| !own.segment.has_room_for(frames)) {
            self.seal(&mut own);
        }
        let is_new = own.is_none();
        match self.write_to_own(&mut own, frames) {
            // A new file may work.
            Err(error @ SpoolError::File { .. }) if !is_new => {
                tracing::error!(error = %Chain(&error), "a spool file can no longer be written; starting a new one");
                self.write_to_own(&mut own, frames)
            }
            other => other,
        }
    }

    fn write_to_own(&self, own: &mut Option<Own>, frames: &Frames) -> Result<(), SpoolError> {
        let Own { segment, .. } = match own {
            Some(own) => own,
            None => own.insert(self.create_segment(frames)?),
        };
        let written = segment.append(frames);
        if written.is_err() {
            if segment.callbacks() == 0 {
                // Nothing in it was acknowledged. A disk that keeps failing must not fill up with such files.
                self.finish(own.take())?;
            } else {
                self.leave(own);
            }
        }
        written
    }

    fn create_segment(&self, frames: &Frames) -> Result<Own, SpoolError> {
        let bytes = self.options.segment_bytes.max(frames.file_bytes());
        self.options.check_room_for(bytes)?;
        loop {
            let path = self.directory.next_segment()?;
            *locked(&self.own_path) = Some(path.clone());
            match Segment::create(&path, self.writer, bytes) {
                Ok(segment) => return Ok(Own { segment, draining: Draining::new(&path) }),
                // Another process created the file first, or opened it before we locked it.
                Err(SpoolError::Exists { .. } | SpoolError::InUse { .. }) => {}
                Err(error) => {
                    // It is empty. If it can't be removed either, it is drained as such.
                    let _ = std::fs::remove_file(&path);
                    return Err(error);
                }
            }
        }
    }

    /// Closes the segment of this process in order. It is drained like one that another process left.
    fn seal(&self, own: &mut Option<Own>) {
        if let Some(own) = own.take() {
            own.segment.seal();
        }
        *locked(&self.own_path) = None;
    }

    /// Gives up the segment of this process, whose contents on disk are not certain any more. It is checked
    /// and drained like one that another process left.
    fn leave(&self, own: &mut Option<Own>) {
        *own = None;
        *locked(&self.own_path) = None;
    }

    /// The oldest events. `None` if there are none, or none that this process may drain.
    pub fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        if locked(&self.lock).is_none() {
            return Ok(None);
        }
        let own_path = || locked(&self.own_path).clone();
        let left = locked(&self.backlog).next(&self.directory, own_path, max_rows)?;
        if left.is_some() {
            return Ok(left);
        }
        let mut own = locked(&self.own);
        let Some(Own { segment, draining }) = own.as_mut() else { return Ok(None) };
        let next = draining.next(segment.file(), Some(segment.end()), max_rows);
        let is_missing_some = matches!(next, Ok(None)) && draining.settled() < segment.callbacks();
        if next.is_err() || is_missing_some {
            self.leave(&mut own);
        }
        next
    }

    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them. A file that is settled
    /// completely is removed or, if some of its rows are not in Postgres, set aside.
    pub fn settle(&self, chunk: &Chunk, refused: u64) -> Result<(), SpoolError> {
        let mut own = locked(&self.own);
        let Some(of_chunk) = own.as_mut().filter(|own| own.segment.path() == chunk.segment) else {
            drop(own);
            locked(&self.backlog).settle(chunk, refused);
            return Ok(());
        };
        of_chunk.draining.settle(chunk, refused);
        if of_chunk.left() == 0 { self.finish(own.take()) } else { Ok(()) }
    }

    fn finish(&self, own: Option<Own>) -> Result<(), SpoolError> {
        let finished = match own {
            Some(own) => remove_or_set_aside(&own.draining, own.segment.file(), &self.directory),
            None => Ok(()),
        };
        *locked(&self.own_path) = None;
        finished
    }

    /// Measures the spool. Reads the segments of earlier processes completely, the first time.
    pub fn figures(&self) -> Result<Figures, SpoolError> {
        let mut figures = Figures {
            bytes: self.directory.bytes()?,
            max_bytes: self.options.max_bytes,
            set_aside_files: self.directory.set_aside()?.len() as u64,
            ..Figures::default()
        };
        if let Some(own) = locked(&self.own).as_ref() {
            let oldest = own.draining.oldest(own.segment.file(), Some(own.segment.end()));
            figures.add(Waiting { callbacks: own.left(), oldest });
        }
        let own_path = || locked(&self.own_path).clone();
        locked(&self.backlog).count(&self.directory, own_path, &mut figures)?;
        Ok(figures)
    }

    /// Releases the directory to a successor. Events can still be appended.
    pub fn release(&self) {
        *locked(&self.lock) = None;
    }

    /// Closes the segment, or removes it if it is empty. The directory stays locked until
    /// [`Spool::release`], or until this value is dropped.
    pub fn close(&self) {
        let mut own = locked(&self.own);
        if own.as_ref().is_some_and(|own| own.segment.callbacks() > 0) {
            self.seal(&mut own);
        }
        if let Err(error) = self.finish(own.take()) {
            tracing::warn!(error = %Chain(&error), "can't remove an empty spool file");
        }
    }
}

/// A panic leaves no state behind that the next call would misread.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
