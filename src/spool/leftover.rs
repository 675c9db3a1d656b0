//! Reads a segment that an earlier process left, whole or damaged.

use std::path::{Path, PathBuf};

use crate::domain::Event;
use crate::error_chain::Chain;

use super::directory::Directory;
use super::draining::{Chunk, Draining, Waiting};
use super::error::SpoolError;
use super::salvage::Salvage;
use super::segment::Segment;

pub(super) struct Leftover {
    path: PathBuf,
    /// Finds records in the bytes: of a whole segment in its log, of a damaged one in both files.
    bytes: Salvage,
    /// Events that were found so and are not settled yet.
    found: Option<Vec<Event>>,
    /// `None` if the table can't be read.
    table: Option<Draining>,
    /// Postgres takes an event that was found in the bytes nowhere.
    is_refused: bool,
    /// The file is set aside in the end.
    is_damaged: bool,
}

impl Leftover {
    /// Opens a segment that no process has open.
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

    /// The number of callbacks in the table.
    pub(super) fn callbacks(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.segment.rows())
    }

    /// What is not settled of the table. Events that are found in the bytes are not counted.
    pub(super) fn waiting(&self) -> Waiting {
        self.table.as_ref().map(Waiting::in_table).unwrap_or_default()
    }

    /// The next events that are not settled. An event may come more than once.
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
                        self.log_damage(Some(&error));
                        self.is_damaged = true;
                        self.bytes = Salvage::of(&self.path);
                    }
                }
            }
        }
    }

    /// Goes on after a chunk whose events are in Postgres, all but `refused` of them.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        match &mut self.table {
            Some(table) if chunk.last.is_some() => table.settle(chunk, refused),
            _ => {
                self.found = None;
                self.is_refused |= refused > 0;
            }
        }
    }

    pub(super) fn log_damage(&self, error: Option<&SpoolError>) {
        tracing::error!(
            file = %self.path.display(), error = error.map(|error| Chain(error).to_string()),
            "a spool file is damaged, or a newer version wrote it: its readable callbacks are moved to Postgres, then it is set aside"
        );
    }

    /// Removes the file, or sets it aside.
    pub(super) fn finish(self, directory: &Directory) -> Result<(), SpoolError> {
        let Self { path, bytes, table, is_damaged, is_refused, .. } = self;
        match table {
            Some(table) if !is_damaged && !is_refused && table.is_moved() => table.segment.delete(),
            table => {
                // Closed before it is renamed, so that its log stays beside it.
                drop(table);
                directory.put_aside(&path).map(|aside| log_set_aside(&aside, bytes.found()))
            }
        }
    }
}

pub(super) fn log_set_aside(aside: &Path, records_found: u64) {
    tracing::error!(
        file = %aside.display(), records_found,
        "a spool file was set aside: some of its callbacks can't be read, or Postgres refuses them even in rejected_callbacks; all others are in Postgres; inspect it with `routo-receiver spool export FILE`"
    );
}
