//! A segment while its records are taken out, oldest first.

use std::path::PathBuf;

use crate::domain::Event;

use super::error::SpoolError;
use super::record::decode;
use super::segment::{Row, Segment};

/// Records, in bytes, that are read at a time.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Facts from the spool, to be put into Postgres and then removed.
#[derive(Debug)]
pub struct Chunk {
    /// The facts, oldest first. Not empty, unless nothing of the chunk could be read.
    pub events: Vec<Event>,
    pub(super) segment: PathBuf,
    /// The row of each fact.
    pub(super) ids: Vec<i64>,
    /// Rows that hold no fact that can be read.
    pub(super) unreadable: Vec<i64>,
}

impl Chunk {
    /// Facts that were found in the bytes of a file: there is nothing to be removed.
    pub(super) fn beside_table(events: Vec<Event>, segment: PathBuf) -> Self {
        Self { events, segment, ids: Vec::new(), unreadable: Vec::new() }
    }

    /// The last of its rows.
    fn last(&self) -> Option<i64> {
        self.ids.iter().chain(&self.unreadable).copied().max()
    }

    pub(super) fn is_from_table(&self) -> bool {
        !self.ids.is_empty() || !self.unreadable.is_empty()
    }

    /// How many rows it is, readable or not.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.events.len() + self.unreadable.len()
    }
}

/// A segment and how far it has been read.
pub(super) struct Draining {
    pub(super) segment: Segment,
    /// Every row up to this one is removed, or kept because nobody takes it.
    after: i64,
    kept: u64,
}

impl Draining {
    pub(super) fn new(segment: Segment) -> Self {
        Self { segment, after: 0, kept: 0 }
    }

    /// The next records; `None` when there are no more.
    pub(super) fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        let rows = self.segment.read(self.after, max_rows, CHUNK_BYTES)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut chunk = Chunk {
            events: Vec::with_capacity(rows.len()),
            segment: self.segment.path().to_owned(),
            ids: Vec::with_capacity(rows.len()),
            unreadable: Vec::new(),
        };
        for Row { id, frame } in rows {
            match decode(&frame) {
                Ok(event) => {
                    chunk.events.push(event);
                    chunk.ids.push(id);
                }
                Err(error) => {
                    tracing::error!(
                        file = %chunk.segment.display(), row = id, %error,
                        "a callback in the spool can't be read; its file will be set aside"
                    );
                    chunk.unreadable.push(id);
                }
            }
        }
        Ok(Some(chunk))
    }

    /// Removes a chunk, but for what could not be read and the facts at the places `refused`.
    pub(super) fn remove(&mut self, chunk: &Chunk, refused: &[usize]) -> Result<(), SpoolError> {
        let mut kept: Vec<i64> =
            refused.iter().filter_map(|&place| chunk.ids.get(place).copied()).collect();
        kept.extend(&chunk.unreadable);
        kept.sort_unstable();
        let first = self.after + 1;
        self.segment.remove(first, chunk.last().unwrap_or(self.after), &kept)?;
        self.pass_over(chunk);
        self.kept += kept.len() as u64;
        Ok(())
    }

    /// Goes on after a chunk, without removing it.
    pub(super) fn pass_over(&mut self, chunk: &Chunk) {
        self.after = chunk.last().unwrap_or(self.after);
    }

    /// Whether all that is left is what nobody takes.
    pub(super) fn is_done(&self) -> bool {
        self.segment.rows() == self.kept
    }

    /// How many rows nobody takes.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }
}
