//! Reads a spool without draining it.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::Event;
use crate::error_chain::Chain;

use super::directory::{Directory, bytes_with_log};
use super::error::SpoolError;
use super::leftover::Leftover;
use super::record::to_json;
use super::salvage::Salvage;

/// A file of the spool.
#[derive(Clone, Debug)]
pub struct SurveyedFile {
    pub path: PathBuf,
    /// The size of the file and its log.
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
    let bytes = bytes_with_log(&path);
    let mut count = CallbackCount::default();
    let contents = match Leftover::open(&path) {
        Ok(mut leftover) => {
            read_all(&mut leftover, |event| {
                count.add(event);
                Ok(())
            })?;
            if is_aside || leftover.is_damaged() { Contents::Damaged } else { Contents::Whole }
        }
        Err(SpoolError::InUse { .. }) => {
            let mut bytes = Salvage::of(&path);
            while let Some(events) = bytes.next().map_err(SpoolError::directory(&path))? {
                for event in &events {
                    count.add(event);
                }
            }
            Contents::InUse
        }
        Err(error) => {
            tracing::error!(file = %path.display(), error = %Chain(&error), "a spool file can't be opened");
            Contents::Closed
        }
    };
    let CallbackCount { known, oldest } = count;
    Ok(SurveyedFile { path, bytes, contents, callbacks: known.len() as u64, oldest })
}

/// Calls `each` once with every callback of a file, as a line of JSON. The file must not be in use. Returns
/// the number of callbacks.
pub fn export(
    file: &Path,
    mut each: impl FnMut(&str) -> io::Result<()>,
) -> Result<u64, SpoolError> {
    let mut count = CallbackCount::default();
    read_all(&mut Leftover::open(file)?, |event| {
        if count.known.contains(&event.reception().key.id) {
            return Ok(());
        }
        count.add(event);
        each(&to_json(event)?).map_err(SpoolError::Output)
    })?;
    Ok(count.known.len() as u64)
}

const CHUNK_ROWS: usize = 1_000;

fn read_all(
    leftover: &mut Leftover,
    mut each: impl FnMut(&Event) -> Result<(), SpoolError>,
) -> Result<(), SpoolError> {
    while let Some(chunk) = leftover.next(CHUNK_ROWS)? {
        chunk.events.iter().try_for_each(&mut each)?;
        leftover.settle(&chunk, 0);
    }
    Ok(())
}

/// Counts each callback once.
#[derive(Default)]
struct CallbackCount {
    known: HashSet<Uuid>,
    oldest: Option<OffsetDateTime>,
}

impl CallbackCount {
    fn add(&mut self, event: &Event) {
        let key = event.reception().key;
        self.known.insert(key.id);
        self.oldest =
            Some(self.oldest.map_or(key.received_at, |oldest| oldest.min(key.received_at)));
    }
}
