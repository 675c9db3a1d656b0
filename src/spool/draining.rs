//! A segment while its records are read, oldest first.

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::domain::Event;

use super::error::SpoolError;
use super::record::decode;
use super::segment::{Row, Segment};

/// Records, in bytes, that are read at a time.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Facts from the spool, to be put into Postgres and then settled.
#[derive(Debug)]
pub struct Chunk {
    /// The facts, oldest first. Empty only if nothing of the chunk could be read.
    pub events: Vec<Event>,
    pub(super) segment: PathBuf,
    /// The last row it was read from; `None` where it was found in the bytes of a file.
    pub(super) last: Option<i64>,
    /// How many rows it is, readable or not.
    rows: u64,
    unreadable: u64,
}

impl Chunk {
    /// Facts that were found in the bytes of a file.
    pub(super) fn beside_table(events: Vec<Event>, segment: PathBuf) -> Self {
        Self { events, segment, last: None, rows: 0, unreadable: 0 }
    }

    /// How many rows it is, readable or not; 0 where it was found in the bytes of a file, beside the
    /// rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// A segment and how far it has been settled.
///
/// That is kept in memory only. Records that were settled before a crash are read again after it, and
/// are the same rows.
pub(super) struct Draining {
    pub(super) segment: Segment,
    /// Every row up to this one is settled.
    after: i64,
    /// How many rows are settled.
    settled: u64,
    /// How many of these are not in Postgres: unreadable, or taken nowhere.
    not_moved: u64,
}

impl Draining {
    pub(super) fn new(segment: Segment) -> Self {
        Self { segment, after: 0, settled: 0, not_moved: 0 }
    }

    /// The records that follow what is settled; `None` when there are no more.
    pub(super) fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        let rows = self.segment.read(self.after, max_rows, CHUNK_BYTES)?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        let mut chunk = Chunk {
            events: Vec::with_capacity(rows.len()),
            segment: self.segment.path().to_owned(),
            last: Some(last),
            rows: rows.len() as u64,
            unreadable: 0,
        };
        for Row { id, frame } in rows {
            match decode(&frame) {
                Ok(event) => chunk.events.push(event),
                Err(error) => {
                    tracing::error!(
                        file = %chunk.segment.display(), row = id, %error,
                        "a callback in the spool can't be read; its file will be set aside"
                    );
                    chunk.unreadable += 1;
                }
            }
        }
        Ok(Some(chunk))
    }

    /// Goes on after a chunk whose facts, but for `refused` of them, are in Postgres.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        self.after = chunk.last.expect("a chunk of a table has a last row");
        self.settled += chunk.rows;
        self.not_moved += refused + chunk.unreadable;
    }

    /// How many rows are not settled.
    pub(super) fn left(&self) -> u64 {
        // A damaged table can give out more rows than it counts.
        self.segment.rows().saturating_sub(self.settled)
    }

    /// When the first of these was received, if that can be read.
    pub(super) fn oldest(&self) -> Option<OffsetDateTime> {
        let rows = self.segment.read(self.after, 1, 1).ok()?;
        let event = decode(&rows.first()?.frame).ok()?;
        Some(event.reception().key.received_at)
    }

    /// Whether all that was written is settled.
    pub(super) fn is_settled(&self) -> bool {
        self.settled == self.segment.rows()
    }

    /// Whether all that is settled is in Postgres.
    pub(super) fn is_moved(&self) -> bool {
        self.not_moved == 0
    }
}
