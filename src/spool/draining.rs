//! Reads the callbacks of a file, oldest first, and remembers how far they are settled.
//!
//! The position is only in memory. After a crash, callbacks that were settled before are read again, and
//! become the same rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::domain::Event;

use super::error::SpoolError;
use super::scan::{Position, Scan};

/// About how much is read at a time, in bytes.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Events from the spool, to be inserted into Postgres and then settled.
#[derive(Debug)]
pub struct Chunk {
    /// Oldest first. Empty only if no record of the chunk could be read.
    pub events: Vec<Event>,
    pub(super) segment: PathBuf,
    /// Behind the last record.
    behind: Position,
    unreadable: u64,
}

impl Chunk {
    /// The number of records, readable or not.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.events.len() as u64 + self.unreadable
    }
}

/// Callbacks of a file that wait for Postgres.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    pub(super) callbacks: u64,
    pub(super) oldest: Option<OffsetDateTime>,
}

pub(super) struct Draining {
    path: PathBuf,
    /// Every record before it is settled.
    at: Position,
    /// Settled records that are not in Postgres: unreadable, or refused everywhere.
    not_moved: u64,
}

impl Draining {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), at: Position::default(), not_moved: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The records up to `limit` that are not settled: up to `max_rows`, about [`CHUNK_BYTES`], and at
    /// least one; `None` if there is none.
    pub(super) fn next(
        &mut self,
        file: &File,
        limit: Option<u64>,
        max_rows: usize,
    ) -> Result<Option<Chunk>, SpoolError> {
        let mut scan = Scan::new(file, self.at, limit).map_err(SpoolError::file(&self.path))?;
        let (mut events, mut bytes, mut unreadable) = (Vec::new(), 0, 0);
        while events.len() < max_rows && bytes < CHUNK_BYTES {
            match scan.next().map_err(SpoolError::file(&self.path))? {
                Some(Ok(event)) => {
                    bytes += event.weight();
                    events.push(event);
                }
                Some(Err(error)) => {
                    tracing::error!(
                        file = %self.path.display(), record = scan.position().records(), %error,
                        "a callback in the spool can't be read; its file will be set aside"
                    );
                    unreadable += 1;
                }
                None => break,
            }
        }
        if events.is_empty() && unreadable == 0 {
            self.at = scan.position();
            return Ok(None);
        }
        let segment = self.path.clone();
        Ok(Some(Chunk { events, segment, behind: scan.position(), unreadable }))
    }

    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        self.at = chunk.behind;
        self.not_moved += refused + chunk.unreadable;
    }

    pub(super) fn settled(&self) -> u64 {
        self.at.records()
    }

    /// Whether everything up to here could be read and is in Postgres.
    pub(super) fn is_moved(&self, file: &File) -> bool {
        let file_bytes = file.metadata().map_or(0, |file| file.len());
        self.not_moved == 0 && !self.at.is_damaged(file_bytes)
    }

    /// When the first callback that is not settled was received.
    pub(super) fn oldest(&self, file: &File, limit: Option<u64>) -> Option<OffsetDateTime> {
        let mut scan = Scan::new(file, self.at, limit).ok()?;
        let event = scan.next().ok()??.ok()?;
        Some(event.reception().key.received_at)
    }
}
