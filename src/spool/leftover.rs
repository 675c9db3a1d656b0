//! A segment that somebody left: whole or damaged, what is in it comes out.

use std::path::{Path, PathBuf};

use crate::domain::Event;
use crate::error_chain::Chain;

use super::directory::Directory;
use super::draining::{Chunk, Draining};
use super::error::SpoolError;
use super::figures::Waiting;
use super::salvage::Salvage;
use super::segment::Segment;

/// A segment that somebody left.
pub(super) struct Leftover {
    path: PathBuf,
    /// What is found in its bytes: of a whole segment in its log, of a damaged one anywhere.
    bytes: Salvage,
    /// What was found there and is not settled yet.
    found: Option<Vec<Event>>,
    /// What is in its table, if that can be read.
    table: Option<Draining>,
    /// Something that was found beside the table is taken nowhere by Postgres.
    is_refused: bool,
    /// In the end it is set aside.
    is_damaged: bool,
}

impl Leftover {
    /// Opens a segment that nobody has.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let (segment, is_damaged) = match Segment::open(path) {
            Ok((segment, is_whole)) => (Some(segment), !is_whole),
            Err(SpoolError::Damaged { .. }) => (None, true),
            Err(error) => return Err(error),
        };
        let bytes = if is_damaged { Salvage::of(path) } else { Salvage::of_log(path) };
        Ok(Self {
            path: path.to_owned(),
            bytes,
            found: None,
            is_refused: false,
            table: segment.map(Draining::new),
            is_damaged,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// How many callbacks are in its table.
    pub(super) fn callbacks(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.segment.rows())
    }

    /// What is not settled of its table; what is found beside that is not counted.
    pub(super) fn waiting(&self) -> Waiting {
        self.table.as_ref().map(Waiting::in_table).unwrap_or_default()
    }

    /// The next facts that are not settled. A fact may come more than once.
    pub(super) fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        loop {
            if self.found.is_none() {
                self.found = self.bytes.next().map_err(SpoolError::directory(&self.path))?;
            }
            if let Some(found) = &self.found {
                return Ok(Some(Chunk::beside_table(found.clone(), self.path.clone())));
            }
            match self.table.as_ref().map(|table| table.next(max_rows)) {
                None => return Ok(None),
                Some(Ok(chunk)) => return Ok(chunk),
                Some(Err(error)) => {
                    self.table = None;
                    if !self.is_damaged {
                        self.tell_damage(Some(&error));
                        self.is_damaged = true;
                        self.bytes = Salvage::of(&self.path);
                    }
                }
            }
        }
    }

    /// Goes on after a chunk whose facts, but for `refused` of them, are in Postgres.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        match &mut self.table {
            Some(table) if chunk.last.is_some() => table.settle(chunk, refused),
            _ => {
                self.found = None;
                self.is_refused |= refused > 0;
            }
        }
    }

    pub(super) fn tell_damage(&self, error: Option<&SpoolError>) {
        tracing::error!(
            file = %self.path.display(), error = error.map(|error| Chain(error).to_string()),
            "a file of the spool is damaged, or of a newer version: the callbacks in it that can be read go to Postgres, then it is set aside"
        );
    }

    /// Takes the file from the disk, or sets it aside.
    pub(super) fn finish(self, directory: &Directory) -> Result<(), SpoolError> {
        let Self { path, bytes, table, is_damaged, is_refused, .. } = self;
        match table {
            Some(table) if !is_damaged && !is_refused && table.is_moved() => table.segment.delete(),
            table => {
                // Closed before it is renamed, so that its log stays beside it.
                drop(table);
                directory.put_aside(&path).map(|aside| tell_set_aside(&aside, bytes.found()))
            }
        }
    }
}

pub(super) fn tell_set_aside(aside: &Path, records_found: u64) {
    tracing::error!(
        file = %aside.display(), records_found,
        "a file of the spool was set aside: some of its callbacks can't be read, or Postgres takes them nowhere; all others are in Postgres; look at it with `routo-receiver spool export FILE`"
    );
}
