//! Facts on disk while Postgres can't take them. Knows files, not what becomes of the facts.
//!
//! Each process writes a segment of its own, and works off those that others left: a damaged file
//! can't keep a service from starting, and a successor can start before its predecessor has ended.
//! All calls block.

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
use draining::Draining;
use figures::Waiting;
use leftover::tell_set_aside;
use segment::{LOG_BYTES, Segment};

pub use directory::is_set_aside;
pub use draining::Chunk;
pub use error::SpoolError;
pub use figures::Figures;
pub use record::EncodeError;
pub use survey::{Contents, SurveyedFile, export, survey};

/// Once a segment has this many bytes, the next is begun: a file is taken from the disk as a whole,
/// when all that is in it is in Postgres.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Where the spool is and how large it may become.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// Its directory; made where it is missing.
    pub directory: PathBuf,
    /// The most bytes that all its files together may take.
    pub max_bytes: u64,
    /// Bytes of the disk that the spool leaves free.
    pub min_free_bytes: u64,
}

/// The spool of this process.
pub struct Spool {
    options: SpoolOptions,
    directory: Directory,
    /// The right to work off what others left; given up before the end.
    lock: Mutex<Option<File>>,
    own: Mutex<Option<Draining>>,
    /// Where `own` is, from before its file is made until after it is closed.
    own_path: Mutex<Option<PathBuf>>,
    backlog: Mutex<Backlog>,
}

impl Spool {
    /// Takes the directory, or says who has it. Nothing of what is in it is read yet.
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

    /// Writes the facts. They are on disk when this returns, all of them; after an error it is not
    /// known which of them are.
    pub fn append(&self, events: &[Event]) -> Result<(), SpoolError> {
        let frames = events.iter().map(record::encode).collect::<Result<Vec<_>, _>>()?;
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        self.write(bytes, |segment| segment.append(&frames))
    }

    /// Writes something and takes it back: whether facts could be written.
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
                "somebody has removed a file of the spool, with the callbacks in it; the next is begun"
            );
            self.leave(&mut own);
        }
        if own.is_none() {
            Directory::make(&self.options.directory)?;
        }
        self.check_room_for(bytes)?;
        let is_new = own.is_none();
        match self.write_to_own(&mut own, &write) {
            // A fresh one may do.
            Err(error @ (SpoolError::File { .. } | SpoolError::Damaged { .. })) if !is_new => {
                tracing::error!(error = %Chain(&error), "a file of the spool can't be written to any more; the next is begun");
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
            // Nothing was ever acknowledged from it. A disk that goes on failing shall not fill up
            // with such files.
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
        // What is in a log is written a second time when it is worked into its file.
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
                // A predecessor or successor was faster, or looked into it before it was ours.
                Err(SpoolError::Exists { .. } | SpoolError::InUse { .. }) if attempts < 3 => {
                    attempts += 1;
                }
                Err(error @ (SpoolError::NoSpace { .. } | SpoolError::File { .. })) => {
                    // Of no use to anybody; if it stays, it is worked off as an empty one.
                    let _ = std::fs::remove_file(&path);
                    return Err(error);
                }
                other => return other,
            }
        }
    }

    /// Closes the segment of this process in good order. It is worked off like one that another
    /// process left.
    fn seal(&self, own: &mut Option<Draining>) {
        if let Some(draining) = own.take() {
            draining.segment.seal();
        }
        *locked(&self.own_path) = None;
    }

    /// Closes the segment of this process, of which it is not known any more what is on disk. It is
    /// checked and worked off like one that another process left.
    fn leave(&self, own: &mut Option<Draining>) {
        *own = None;
        *locked(&self.own_path) = None;
    }

    /// The oldest facts; `None` when there are none, or none that this process may take.
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

    /// Goes on after a chunk whose facts, but for `refused` of them, are in Postgres. A file that is
    /// settled is taken from the disk, or set aside.
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
                self.directory.put_aside(&path).map(|aside| tell_set_aside(&aside, 0))
            }
            None => Ok(()),
        };
        *locked(&self.own_path) = None;
        finished
    }

    /// How much is in it. What an earlier process left is read whole for that, the first time.
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

    /// Lets a successor have the directory. Facts can still be appended.
    pub fn release(&self) {
        *locked(&self.lock) = None;
    }

    /// Closes the segment; an empty one is taken from the disk. The directory is kept until
    /// [`Spool::release`], or until this value is dropped.
    pub fn close(&self) {
        let mut own = locked(&self.own);
        if own.as_ref().is_some_and(|own| own.segment.rows() > 0) {
            self.seal(&mut own);
        }
        if let Err(error) = self.finish(own.take()) {
            tracing::warn!(error = %Chain(&error), "could not remove an empty file of the spool");
        }
    }
}

/// A panic in between leaves nothing half done that the next call would not see.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
