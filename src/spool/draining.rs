//! Reads the records of a segment, oldest first.

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::domain::Event;

use super::error::SpoolError;
use super::record::decode;
use super::segment::{Row, Segment};

/// The size of the records that are read at a time, in bytes.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Events from the spool, to be inserted into Postgres and then settled.
#[derive(Debug)]
pub struct Chunk {
    /// Oldest first. Empty only if no row of the chunk could be read.
    pub events: Vec<Event>,
    pub(super) segment: PathBuf,
    /// The last row of the chunk; `None` for events that were salvaged from the bytes of a file.
    pub(super) last: Option<i64>,
    /// Readable or not.
    rows: u64,
    unreadable: u64,
}

impl Chunk {
    /// Events that were salvaged from the bytes of a file.
    pub(super) fn beside_table(events: Vec<Event>, segment: PathBuf) -> Self {
        Self { events, segment, last: None, rows: 0, unreadable: 0 }
    }

    /// The number of rows, readable or not; 0 for events that were salvaged from the bytes of a file.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// Callbacks of a file that wait for Postgres.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    pub(super) callbacks: u64,
    pub(super) oldest: Option<OffsetDateTime>,
}

impl Waiting {
    pub(super) fn in_table(table: &Draining) -> Self {
        Self { callbacks: table.left(), oldest: table.oldest() }
    }
}

/// A segment and how far it is settled.
///
/// The position is only in memory. After a crash, records that were settled before are read again, and
/// become the same rows.
pub(super) struct Draining {
    pub(super) segment: Segment,
    /// Every row up to this one is settled.
    after: i64,
    settled: u64,
    /// Settled rows that are not in Postgres: unreadable, or refused everywhere.
    not_moved: u64,
}

impl Draining {
    pub(super) fn new(segment: Segment) -> Self {
        Self { segment, after: 0, settled: 0, not_moved: 0 }
    }

    /// The records after what is settled; `None` at the end.
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

    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        self.after = chunk.last.expect("a chunk of a table has a last row");
        self.settled += chunk.rows;
        self.not_moved += refused + chunk.unreadable;
    }

    /// The number of rows that are not settled.
    pub(super) fn left(&self) -> u64 {
        // A damaged table can return more rows than it counts.
        self.segment.rows().saturating_sub(self.settled)
    }

    /// When the first of these was received. `None` if that can't be read.
    pub(super) fn oldest(&self) -> Option<OffsetDateTime> {
        let rows = self.segment.read(self.after, 1, 1).ok()?;
        let event = decode(&rows.first()?.frame).ok()?;
        Some(event.reception().key.received_at)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled == self.segment.rows()
    }

    /// Whether everything that is settled is in Postgres.
    pub(super) fn is_moved(&self) -> bool {
        self.not_moved == 0
    }
}
