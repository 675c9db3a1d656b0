//! How much is in the spool of a running service.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::draining::Draining;
use super::error::SpoolError;
use super::survey::{Contents, look_into};

/// How much is in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Callbacks that wait for Postgres.
    pub callbacks: u64,
    /// When the oldest of them was received.
    pub oldest: Option<OffsetDateTime>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that they may have.
    pub max_bytes: u64,
    /// Files that were set aside.
    pub set_aside_files: u64,
}

/// Callbacks of a file that wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    callbacks: u64,
    oldest: Option<OffsetDateTime>,
}

impl Figures {
    pub(super) fn add(&mut self, waiting: Waiting) {
        self.callbacks += waiting.callbacks;
        // What is damaged has no time; it must not hide what has.
        self.oldest = match (self.oldest, waiting.oldest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

impl Waiting {
    pub(super) fn in_table(table: &Draining) -> Self {
        Self { callbacks: table.left(), oldest: table.oldest() }
    }
}

/// What waits in files that nobody works on. To find that out, all of a file is read: once.
#[derive(Debug, Default)]
pub(super) struct Surveyed(HashMap<PathBuf, Waiting>);

impl Surveyed {
    /// Nothing may open the file meanwhile.
    pub(super) fn of(&mut self, path: &Path) -> Result<Waiting, SpoolError> {
        if let Some(known) = self.0.get(path) {
            return Ok(*known);
        }
        let file = look_into((path.to_owned(), false))?;
        let waiting = Waiting { callbacks: file.callbacks, oldest: file.oldest };
        // What somebody writes to grows.
        if file.contents != Contents::InUse {
            self.0.insert(path.to_owned(), waiting);
        }
        Ok(waiting)
    }

    /// Forgets the files that are not there any more.
    pub(super) fn keep(&mut self, there: &[PathBuf]) {
        self.0.retain(|path, _| there.contains(path));
    }
}
