//! Reads a file that an earlier process left, whole or damaged.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::directory::Directory;
use super::draining::{Chunk, Draining, Waiting};
use super::error::SpoolError;
use super::segment::lock;
use super::survey::{Count, count};

pub(super) struct Leftover {
    file: File,
    draining: Draining,
    all: Count,
}

impl Leftover {
    /// Opens a file that no process writes to, and reads it once. Changes nothing in it.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let file = open(path)?;
        lock(&file, path)?;
        let all = count(&file, path)?;
        Ok(Self { file, draining: Draining::new(path), all })
    }

    pub(super) fn path(&self) -> &Path {
        self.draining.path()
    }

    pub(super) fn all(&self) -> &Count {
        &self.all
    }

    pub(super) fn waiting(&self) -> Waiting {
        Waiting {
            callbacks: self.all.at.records().saturating_sub(self.draining.settled()),
            oldest: self.draining.oldest(&self.file, None),
        }
    }

    /// The next events that are not settled.
    pub(super) fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        self.draining.next(&self.file, None, max_rows)
    }

    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        self.draining.settle(chunk, refused);
    }

    pub(super) fn log_damage(&self) {
        tracing::error!(
            file = %self.path().display(), damaged_bytes = self.all.at.damaged_bytes,
            "a spool file is damaged, or a newer version wrote it: its readable callbacks are moved to Postgres, then it is set aside"
        );
    }

    /// Removes the file, or sets it aside.
    pub(super) fn finish(self, directory: &Directory) -> Result<(), SpoolError> {
        remove_or_set_aside(&self.draining, &self.file, directory)
    }
}

/// Opens a regular file. Follows no link, and waits for no pipe.
pub(super) fn open(path: &Path) -> Result<File, SpoolError> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits());
    let flags = flags.expect("flags of `open` are an `int`");
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(SpoolError::file(path))
}

/// Removes a file whose callbacks are all in Postgres, and sets others aside.
pub(super) fn remove_or_set_aside(
    drained: &Draining,
    file: &File,
    directory: &Directory,
) -> Result<(), SpoolError> {
    let path = drained.path();
    if drained.is_moved(file) {
        return fs::remove_file(path).map_err(SpoolError::directory(path));
    }
    let aside = directory.put_aside(path)?;
    tracing::error!(
        file = %aside.display(), records_found = drained.settled(),
        "a spool file was set aside: some of its callbacks can't be read, or Postgres refuses them even in rejected_callbacks; all others are in Postgres; inspect it with `routo-receiver spool export FILE`"
    );
    Ok(())
}
