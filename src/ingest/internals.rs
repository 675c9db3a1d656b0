//! The part of this room that benchmarks reach. Nothing else may.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Event;
use crate::metrics::IngestMetrics;
use crate::spool::{Chunk, SpoolError};
use crate::store::{InsertError, OnConflict, StoreError};

use super::journal::Journal;
use super::sink::Sink;
use super::{IngestHandle, Limits};

/// Splits what is waiting into the events, and their tags, that would share the next commit.
pub fn take_batch<T>(waiting: &mut impl Iterator<Item = (Event, T)>) -> (Vec<Event>, Vec<T>) {
    let super::batch::Batch { events, tags } = super::batch::Batch::take(waiting);
    (events, tags)
}

/// Ingest with a committer that commits to nothing, to measure all of a callback but Postgres.
#[must_use]
pub fn start_without_postgres() -> IngestHandle {
    let limits = Limits {
        queue_capacity: 1_024,
        max_batch_rows: 256,
        commit_deadline: Duration::from_secs(1),
    };
    super::start_with(Discard, Discard, Arc::new(Discard), limits, IngestMetrics::default()).0
}

struct Discard;

impl Sink for Discard {
    async fn connect(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn insert(&mut self, _: OnConflict, _: &[Event]) -> Result<(), InsertError> {
        Ok(())
    }
}

impl Journal for Discard {
    fn append(&self, _: &[Event]) -> Result<(), SpoolError> {
        Ok(())
    }

    fn probe(&self) -> Result<(), SpoolError> {
        Ok(())
    }

    fn next(&self, _: usize) -> Result<Option<Chunk>, SpoolError> {
        Ok(None)
    }

    fn settle(&self, _: &Chunk, _: u64) -> Result<(), SpoolError> {
        Ok(())
    }

    fn close(&self) {}
}
