//! The figures that are looked up when somebody asks for them: what waits, and where callbacks go.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::ingest::{IngestHandle, Readiness};
use crate::metrics::{Exposition, Metrics, QueueSample, Sample, SpoolSample};
use crate::spool::Spool;

/// All figures of a service.
pub(super) fn exposition(metrics: &Metrics, ingest: IngestHandle, spool: Arc<Spool>) -> Exposition {
    Exposition::new(metrics, move || sample(&ingest), move || spool_sample(&spool))
}

fn sample(ingest: &IngestHandle) -> Sample {
    let readiness = ingest.readiness();
    let (callbacks, capacity) = ingest.queue();
    Sample {
        postgres_up: readiness == Readiness::Postgres,
        ready: readiness != Readiness::NotReady,
        queue: QueueSample { callbacks, capacity },
    }
}

fn spool_sample(spool: &Spool) -> Option<SpoolSample> {
    let figures = spool.figures().ok()?;
    Some(SpoolSample {
        callbacks: figures.callbacks,
        bytes: figures.bytes,
        max_bytes: figures.max_bytes,
        oldest_age_seconds: figures.oldest.map_or(0, age_seconds),
        set_aside_files: figures.set_aside_files,
    })
}

fn age_seconds(since: OffsetDateTime) -> u64 {
    u64::try_from((OffsetDateTime::now_utc() - since).whole_seconds()).unwrap_or(0)
}
