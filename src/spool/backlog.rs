//! The segments that earlier processes left behind, worked off one after the other.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::error_chain::Chain;

use super::directory::Directory;
use super::draining::{Chunk, Draining};
use super::error::SpoolError;
use super::salvage::Salvage;
use super::segment::Segment;

/// What is being worked off.
#[derive(Default)]
pub(super) struct Backlog {
    current: Option<Leftover>,
    /// Segments of which the log has been told that they can't be opened.
    told: HashSet<PathBuf>,
}

/// A segment that somebody left.
struct Leftover {
    path: PathBuf,
    /// What is found in its bytes: of a whole segment in its log, of a damaged one anywhere. Comes
    /// first, as long as nothing has been changed.
    bytes: Salvage,
    /// What is in its table, if that can be read.
    table: Option<Draining>,
    /// Nothing is removed from a damaged segment; in the end it is set aside.
    is_damaged: bool,
}

impl Backlog {
    /// The next facts of the oldest segment that can be had, but for the one that is `own_path` once
    /// the directory has been read.
    pub(super) fn next(
        &mut self,
        directory: &Directory,
        own_path: impl Fn() -> Option<PathBuf>,
        max_rows: usize,
    ) -> Result<Option<Chunk>, SpoolError> {
        loop {
            if self.current.is_none() {
                self.current = self.open_oldest(directory, &own_path)?;
            }
            let Some(leftover) = &mut self.current else { return Ok(None) };
            if let Some(chunk) = leftover.next(max_rows)? {
                return Ok(Some(chunk));
            }
            if let Some(done) = self.current.take() {
                done.finish(directory)?;
            }
        }
    }

    /// Removes a chunk that this backlog gave out.
    pub(super) fn remove(&mut self, chunk: &Chunk, refused: &[usize]) -> Result<(), SpoolError> {
        match &mut self.current {
            Some(Leftover { table: Some(table), is_damaged, .. }) if chunk.is_from_table() => {
                if *is_damaged {
                    table.pass_over(chunk);
                    Ok(())
                } else {
                    table.remove(chunk, refused)
                }
            }
            _ => Ok(()),
        }
    }

    fn open_oldest(
        &mut self,
        directory: &Directory,
        own_path: &impl Fn() -> Option<PathBuf>,
    ) -> Result<Option<Leftover>, SpoolError> {
        let segments = directory.segments()?;
        let own = own_path();
        for path in segments {
            if Some(&path) == own.as_ref() {
                continue;
            }
            match Segment::open(&path) {
                Ok((segment, is_whole)) => {
                    return Ok(Some(Leftover::new(path, Some(segment), !is_whole)));
                }
                Err(SpoolError::Damaged { .. }) => {
                    return Ok(Some(Leftover::new(path, None, true)));
                }
                // Of a process that is finishing what it had begun.
                Err(SpoolError::InUse { .. }) => {}
                Err(error) => {
                    if self.told.insert(path.clone()) {
                        tracing::error!(
                            file = %path.display(), error = %Chain(&error),
                            "a file of the spool can't be opened; its callbacks wait in it until it can"
                        );
                    }
                }
            }
        }
        Ok(None)
    }
}

impl Leftover {
    fn new(path: PathBuf, segment: Option<Segment>, is_damaged: bool) -> Self {
        let callbacks = segment.as_ref().map_or(0, Segment::rows);
        if is_damaged {
            tracing::error!(file = %path.display(), "{DAMAGED}");
        } else if callbacks > 0 {
            tracing::info!(
                file = %path.display(), callbacks,
                "callbacks that an earlier process left in the spool go to Postgres"
            );
        }
        let bytes = if is_damaged { Salvage::of(&path) } else { Salvage::of_log(&path) };
        Self { path, bytes, table: segment.map(Draining::new), is_damaged }
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
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
                        tracing::error!(file = %self.path.display(), error = %Chain(&error), "{DAMAGED}");
                        self.is_damaged = true;
                        self.bytes = Salvage::of(&self.path);
                    }
                }
            }
        }
    }

    fn finish(self, directory: &Directory) -> Result<(), SpoolError> {
        let Self { path, bytes, table, is_damaged } = self;
        match table {
            Some(table) if !is_damaged && table.kept() == 0 => table.segment.delete(),
            table => {
                // Closed before it is renamed, so that its log stays beside it.
                drop(table);
                let aside = directory.put_aside(&path)?;
                tracing::error!(
                    file = %aside.display(), records_found = bytes.found(),
                    "a file of the spool was set aside: some of its callbacks can't be read, or Postgres takes them nowhere; all others are in Postgres; look at it with `routo-receiver spool export`"
                );
                Ok(())
            }
        }
    }
}

const DAMAGED: &str = "a file of the spool is damaged: the callbacks in it that are whole go to Postgres, then it is set aside";
