//! Keeps events on disk while Postgres can't take them. Knows files, not what happens to the events.
//!
//! Each process writes a segment of its own and drains those that others left. So a damaged file can't
//! prevent a start, and a successor can start before its predecessor has ended. All calls block.

mod backlog;
mod directory;
mod draining;
mod error;
mod figures;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod leftover;
mod log;
mod record;
mod salvage;
mod segment;
mod survey;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Event;
use crate::error_chain::Chain;

use backlog::Backlog;
use directory::{Directory, bytes_with_log};
use draining::{Draining, Waiting};
use leftover::log_set_aside;
use segment::{LOG_BYTES, Segment};

pub use directory::is_set_aside;
pub use draining::Chunk;
pub use error::SpoolError;
pub use figures::Figures;
pub use record::EncodeError;
pub use survey::{Contents, SurveyedFile, export, survey};

/// The size at which the next segment begins. A segment is removed as a whole, when all of it is in Postgres.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The place and the bounds of the spool.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// Created if it is missing.
    pub directory: PathBuf,
    /// The most bytes that all files together may take.
    pub max_bytes: u64,
    /// Bytes of the disk that the spool leaves free.
    pub min_free_bytes: u64,
}

/// The spool of this process.
pub struct Spool {
    options: SpoolOptions,
    directory: Directory,
    /// The right to drain what others left. Given up before the process ends.
    lock: Mutex<Option<File>>,
    own: Mutex<Option<Draining>>,
    /// The path of `own`, from before its file is created until after it is closed.
    own_path: Mutex<Option<PathBuf>>,
    backlog: Mutex<Backlog>,
}

impl Spool {
    /// Locks the directory. Reads none of its files yet.
    pub fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let directory = Directory::make(&options.directory)?;
        let lock = directory.lock()?;
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
            lock: Mutex::new(Some(lock)),
            own: Mutex::new(None),
            own_path: Mutex::new(None),
            backlog: Mutex::new(Backlog::default()),
        })
    }

    /// Returns once all of the events are on disk. After an error any of them may be.
    pub fn append(&self, events: &[Event]) -> Result<(), SpoolError> {
        let frames = events.iter().map(record::encode).collect::<Result<Vec<_>, _>>()?;
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        self.write(bytes, |segment| segment.append(&frames))
    }

    /// Writes something and removes it again, to find out whether events could be written.
    pub fn probe(&self) -> Result<(), SpoolError> {
        self.write(0, Segment::probe)
    }

    fn write(
        &self,
        bytes: u64,
        write: impl Fn(&mut Segment) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        let mut own = locked(&self.own);
        if own.as_ref().is_some_and(|own| !own.segment.path().exists()) {
            tracing::error!(
                "a spool file was removed with the callbacks in it; starting a new one"
            );
            self.leave(&mut own);
        }
        if own.is_none() {
            Directory::make(&self.options.directory)?;
        }
        self.check_room_for(bytes)?;
        let is_new = own.is_none();
        match self.write_to_own(&mut own, &write) {
            // A new file may work.
            Err(error @ (SpoolError::File { .. } | SpoolError::Damaged { .. })) if !is_new => {
                tracing::error!(error = %Chain(&error), "a spool file can no longer be written; starting a new one");
                self.write_to_own(&mut own, &write)
            }
            other => other,
        }
    }

    fn write_to_own(
        &self,
        own: &mut Option<Draining>,
        write: &impl Fn(&mut Segment) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        let draining = match own {
            Some(draining) => draining,
            None => own.insert(Draining::new(self.create_segment()?)),
        };
        let written = write(&mut draining.segment);
        let is_full = bytes_with_log(draining.segment.path()) >= SEGMENT_BYTES;
        let is_broken =
            matches!(written, Err(SpoolError::File { .. } | SpoolError::Damaged { .. }));
        if is_broken && draining.segment.rows() == 0 {
            // Nothing in it was acknowledged. A disk that keeps failing must not fill up with such files.
            self.finish(own.take())?;
        } else if is_broken {
            self.leave(own);
        } else if is_full {
            self.seal(own);
        }
        written
    }

    fn check_room_for(&self, bytes: u64) -> Result<(), SpoolError> {
        let SpoolOptions { max_bytes, min_free_bytes, .. } = self.options;
        // A checkpoint writes the contents of the log a second time.
        if self.directory.bytes()? + bytes + LOG_BYTES > max_bytes {
            return Err(SpoolError::Full { max_bytes });
        }
        let free = self.directory.disk()?.free;
        if free < min_free_bytes.saturating_add(bytes) {
            return Err(SpoolError::DiskFull { free, min_free_bytes });
        }
        Ok(())
    }

    fn create_segment(&self) -> Result<Segment, SpoolError> {
        let mut attempts = 0;
        loop {
            let path = self.directory.next_segment()?;
            *locked(&self.own_path) = Some(path.clone());
            match Segment::create(&path) {
                // Another process created the file first, or opened it before we locked it.
                Err(SpoolError::Exists { .. } | SpoolError::InUse { .. }) if attempts < 3 => {
                    attempts += 1;
                }
                Err(error @ (SpoolError::NoSpace { .. } | SpoolError::File { .. })) => {
                    // The file is empty. If it can't be removed either, it is drained as such.
                    let _ = std::fs::remove_file(&path);
                    return Err(error);
                }
                other => return other,
            }
        }
    }

    /// Closes the segment of this process in order. It is drained like one that another process left.
    fn seal(&self, own: &mut Option<Draining>) {
        if let Some(draining) = own.take() {
            draining.segment.seal();
        }
        *locked(&self.own_path) = None;
    }

    /// Gives up the segment of this process, whose contents on disk are not certain any more. It is checked
    /// and drained like one that another process left.
    fn leave(&self, own: &mut Option<Draining>) {
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
        match own.as_ref().map(|draining| draining.next(max_rows)) {
            None => Ok(None),
            Some(Ok(chunk)) => Ok(chunk),
            Some(Err(error)) => {
                self.leave(&mut own);
                Err(error)
            }
        }
    }

    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them. A file that is settled
    /// completely is removed or, if some of its rows are not in Postgres, set aside.
    pub fn settle(&self, chunk: &Chunk, refused: u64) -> Result<(), SpoolError> {
        let mut own = locked(&self.own);
        let Some(draining) = own.as_mut().filter(|own| own.segment.path() == chunk.segment) else {
            drop(own);
            locked(&self.backlog).settle(chunk, refused);
            return Ok(());
        };
        draining.settle(chunk, refused);
        if draining.is_settled() { self.finish(own.take()) } else { Ok(()) }
    }

    fn finish(&self, own: Option<Draining>) -> Result<(), SpoolError> {
        let finished = match own {
            Some(done) if done.is_moved() => done.segment.delete(),
            Some(done) => {
                let path = done.segment.path().to_owned();
                drop(done);
                self.directory.put_aside(&path).map(|aside| log_set_aside(&aside, 0))
            }
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
            figures.add(Waiting::in_table(own));
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
        if own.as_ref().is_some_and(|own| own.segment.rows() > 0) {
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
