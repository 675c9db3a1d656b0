//! Reads a spool without draining it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error_chain::Chain;

use super::directory::{Directory, bytes_of};
use super::error::SpoolError;
use super::json::line;
use super::leftover::{Leftover, open};
use super::scan::{Position, Scan};

/// A file of the spool.
#[derive(Clone, Debug)]
pub struct SurveyedFile {
    pub path: PathBuf,
    pub bytes: u64,
    pub contents: Contents,
    pub callbacks: u64,
    /// When the oldest callback was received.
    pub oldest: Option<OffsetDateTime>,
}

/// The state of a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// All of it can be read.
    Whole,
    /// A running service has it open: some of the counted callbacks may be in Postgres already.
    InUse,
    /// It can't be opened; its contents are unknown.
    Closed,
    /// Parts of it can't be read, or Postgres refuses them even in `rejected_callbacks`.
    Damaged,
    /// No record is in it: another program wrote it, or all of it is damaged.
    NotOurs,
}

/// All files of the spool, oldest first, then those that were set aside.
pub fn survey(directory: &Path) -> Result<Vec<SurveyedFile>, SpoolError> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let directory = Directory::make(directory)?;
    let aside = directory.set_aside()?;
    let segments = directory.segments()?;
    let files = segments.into_iter().map(|path| (path, false));
    files.chain(aside.into_iter().map(|path| (path, true))).map(inspect).collect()
}

pub(super) fn inspect((path, is_aside): (PathBuf, bool)) -> Result<SurveyedFile, SpoolError> {
    let (contents, count) = match Leftover::open(&path) {
        Ok(leftover) => {
            let count = *leftover.all();
            let contents = match () {
                () if count.is_not_ours() => Contents::NotOurs,
                () if is_aside || count.is_damaged() => Contents::Damaged,
                () => Contents::Whole,
            };
            (contents, count)
        }
        Err(SpoolError::InUse { .. }) => (Contents::InUse, count(&open(&path)?, &path)?),
        Err(error) => {
            tracing::error!(file = %path.display(), error = %Chain(&error), "a spool file can't be opened");
            (Contents::Closed, Count::default())
        }
    };
    let Count { callbacks, oldest, .. } = count;
    Ok(SurveyedFile { bytes: bytes_of(&path), path, contents, callbacks, oldest })
}

/// What a file contains.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) callbacks: u64,
    pub(super) oldest: Option<OffsetDateTime>,
    /// At its end.
    pub(super) at: Position,
    pub(super) bytes: u64,
}

impl Count {
    pub(super) fn is_not_ours(&self) -> bool {
        !self.at.is_in_ours() && self.at.damaged_bytes > 0
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.at.is_damaged(self.bytes) || self.callbacks < self.at.records()
    }
}

/// Reads a file once.
pub(super) fn count(file: &File, path: &Path) -> Result<Count, SpoolError> {
    let mut scan = Scan::new(file, Position::default(), None).map_err(SpoolError::file(path))?;
    let mut count = Count::default();
    while let Some(callback) = scan.next().map_err(SpoolError::file(path))? {
        if let Ok(event) = callback {
            let received_at = event.reception().key.received_at;
            count.callbacks += 1;
            count.oldest = Some(count.oldest.map_or(received_at, |at| at.min(received_at)));
        }
    }
    count.at = scan.position();
    count.bytes = file.metadata().map_err(SpoolError::file(path))?.len();
    Ok(count)
}

/// Calls `each` once with every callback of a file, as a line of JSON. The file must not be in use. Returns
/// the number of callbacks.
pub fn export(
    file: &Path,
    mut each: impl FnMut(&str) -> io::Result<()>,
) -> Result<u64, SpoolError> {
    let mut leftover = Leftover::open(file)?;
    if leftover.all().is_not_ours() {
        return Err(SpoolError::NotOurs { path: file.to_owned() });
    }
    let mut exported = 0;
    while let Some(chunk) = leftover.next(CHUNK_ROWS)? {
        for event in &chunk.events {
            each(&line(event)?).map_err(SpoolError::Output)?;
            exported += 1;
        }
        leftover.settle(&chunk, 0);
    }
    Ok(exported)
}

const CHUNK_ROWS: usize = 1_000;
