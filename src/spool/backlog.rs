//! Drains the segments that earlier processes left, one after the other.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::error_chain::Chain;

use super::directory::Directory;
use super::draining::Chunk;
use super::error::SpoolError;
use super::figures::{Figures, Surveyed};
use super::leftover::Leftover;

#[derive(Default)]
pub(super) struct Backlog {
    current: Option<Leftover>,
    /// Segments that are drained but could not be removed, and files that are not ours.
    done: HashSet<PathBuf>,
    /// Segments that can't be opened and are logged as such.
    logged: HashSet<PathBuf>,
    surveyed: Surveyed,
}

impl Backlog {
    /// The next events of the oldest segment that can be opened, except this process's own. `own_path` is
    /// called after the directory has been read.
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
                let path = done.path().to_owned();
                if let Err(error) = done.finish(directory) {
                    tracing::error!(
                        file = %path.display(), error = %Chain(&error),
                        "a spool file is drained but can't be removed; the next start drains it again"
                    );
                    self.done.insert(path);
                }
            }
        }
    }

    /// Adds what waits in the segments, except this process's own. `own_path` is called after the directory
    /// has been read.
    pub(super) fn count(
        &mut self,
        directory: &Directory,
        own_path: impl Fn() -> Option<PathBuf>,
        figures: &mut Figures,
    ) -> Result<(), SpoolError> {
        let segments = directory.segments()?;
        let own = own_path();
        for path in &segments {
            if Some(path) == own.as_ref() || self.done.contains(path) {
                continue;
            }
            figures.add(match &self.current {
                Some(leftover) if leftover.path() == path => leftover.waiting(),
                _ => self.surveyed.of(path)?,
            });
        }
        self.surveyed.keep(&segments);
        Ok(())
    }

    /// Goes on after a chunk. One of a file that is not being drained, such as this process's own that was
    /// closed meanwhile, is read again.
    pub(super) fn settle(&mut self, chunk: &Chunk, refused: u64) {
        if let Some(leftover) =
            self.current.as_mut().filter(|current| current.path() == chunk.segment)
        {
            leftover.settle(chunk, refused);
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
            if Some(&path) == own.as_ref() || self.done.contains(&path) {
                continue;
            }
            match Leftover::open(&path) {
                Ok(leftover) if leftover.all().is_not_ours() => {
                    tracing::error!(
                        file = %path.display(),
                        "a file in the spool's directory has no callback that can be read; it is left alone"
                    );
                    self.done.insert(path);
                }
                Ok(leftover) => {
                    if leftover.all().is_damaged() {
                        leftover.log_damage();
                    } else if leftover.all().callbacks > 0 {
                        tracing::info!(
                            file = %path.display(), callbacks = leftover.all().callbacks,
                            "moving callbacks that an earlier process left in the spool to Postgres"
                        );
                    }
                    return Ok(Some(leftover));
                }
                // It belongs to a process that is about to end.
                Err(SpoolError::InUse { .. }) => {}
                Err(error) => {
                    if self.logged.insert(path.clone()) {
                        tracing::error!(
                            file = %path.display(), error = %Chain(&error),
                            "a spool file can't be opened; its callbacks stay in it until it can"
                        );
                    }
                }
            }
        }
        Ok(None)
    }
}
