//! Measures how much is in the spool of a running service.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::draining::Waiting;
use super::error::SpoolError;
use super::survey::{Contents, inspect};

/// The contents of the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Callbacks that wait for Postgres.
    pub callbacks: u64,
    /// When the oldest callback was received.
    pub oldest: Option<OffsetDateTime>,
    /// The size of all files.
    pub bytes: u64,
    pub max_bytes: u64,
    pub set_aside_files: u64,
}

impl Figures {
    pub(super) fn add(&mut self, waiting: Waiting) {
        self.callbacks += waiting.callbacks;
        // A damaged file has no time; it must not hide that of another.
        self.oldest = match (self.oldest, waiting.oldest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// Remembers what waits in files that are not being drained, because counting reads a whole file.
#[derive(Debug, Default)]
pub(super) struct Surveyed(HashMap<PathBuf, Waiting>);

impl Surveyed {
    /// The file must not be opened meanwhile.
    pub(super) fn of(&mut self, path: &Path) -> Result<Waiting, SpoolError> {
        if let Some(known) = self.0.get(path) {
            return Ok(*known);
        }
        let file = inspect((path.to_owned(), false))?;
        let waiting = Waiting { callbacks: file.callbacks, oldest: file.oldest };
        // A file that another process writes to may grow.
        if file.contents != Contents::InUse {
            self.0.insert(path.to_owned(), waiting);
        }
        Ok(waiting)
    }

    /// Forgets the files that no longer exist.
    pub(super) fn keep(&mut self, there: &[PathBuf]) {
        self.0.retain(|path, _| there.contains(path));
    }
}
