//! A segment that somebody left: whole or damaged, what is in it comes out.

use std::path::{Path, PathBuf};

use crate::error_chain::Chain;

use super::directory::Directory;
use super::draining::{Chunk, Draining};
use super::error::SpoolError;
use super::salvage::Salvage;
use super::segment::Segment;

/// A segment that somebody left.
pub(super) struct Leftover {
    path: PathBuf,
    /// What is found in its bytes: of a whole segment in its log, of a damaged one anywhere. Comes
    /// first, as long as nothing has been changed.
    bytes: Salvage,
    /// What is in its table, if that can be read.
    table: Option<Draining>,
    /// Nothing is removed from a damaged segment; in the end it is set aside.
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
        Ok(Self { path: path.to_owned(), bytes, table: segment.map(Draining::new), is_damaged })
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// How many callbacks are in its table.
    pub(super) fn callbacks(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.segment.rows())
    }

    /// The next facts; a fact may come more than once. The same again, if they come from the table
    /// and were neither removed nor passed over.
    pub(super) fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        loop {
            if let Some(events) = self.bytes.next().map_err(SpoolError::directory(&self.path))? {
                return Ok(Some(Chunk::beside_table(events, self.path.clone())));
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

    /// Removes a chunk, but for the facts at the places `refused`; of a damaged segment, nothing.
    pub(super) fn remove(&mut self, chunk: &Chunk, refused: &[usize]) -> Result<(), SpoolError> {
        match &mut self.table {
            Some(table) if !self.is_damaged && chunk.is_from_table() => {
                table.remove(chunk, refused)
            }
            _ => {
                self.pass_over(chunk);
                Ok(())
            }
        }
    }

    /// Goes on after a chunk, without removing it.
    pub(super) fn pass_over(&mut self, chunk: &Chunk) {
        if let Some(table) = self.table.as_mut().filter(|_| chunk.is_from_table()) {
            table.pass_over(chunk);
        }
    }

    pub(super) fn tell_damage(&self, error: Option<&SpoolError>) {
        tracing::error!(
            file = %self.path.display(), error = error.map(|error| Chain(error).to_string()),
            "a file of the spool is damaged: the callbacks in it that are whole go to Postgres, then it is set aside"
        );
    }

    /// Takes the file from the disk, or sets it aside.
    pub(super) fn finish(self, directory: &Directory) -> Result<(), SpoolError> {
        let Self { path, bytes, table, is_damaged } = self;
        match table {
            Some(table) if !is_damaged && table.kept() == 0 => table.segment.delete(),
            table => {
                // Closed before it is renamed, so that its log stays beside it.
                drop(table);
                let aside = directory.put_aside(&path)?;
                tracing::error!(
                    file = %aside.display(), records_found = bytes.found(),
                    "a file of the spool was set aside: some of its callbacks can't be read, or Postgres takes them nowhere; all others are in Postgres; look at it with `routo-receiver spool export FILE`"
                );
                Ok(())
            }
        }
    }
}
