//! The figures that are looked up when somebody asks for them: what waits, and where callbacks go.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::ingest::{IngestHandle, Readiness};
use crate::metrics::{QueueSample, Sample, SpoolSample};
use crate::spool::Spool;

/// Looks up what is shown but not counted.
pub(super) fn sampler(ingest: IngestHandle, spool: Arc<Spool>) -> impl Fn() -> Sample {
    move || {
        let readiness = ingest.readiness();
        let (callbacks, capacity) = ingest.queue();
        Sample {
            postgres_up: readiness == Readiness::Postgres,
            ready: readiness != Readiness::NotReady,
            queue: QueueSample { callbacks, capacity },
            spool: spool.figures().ok().map(|figures| SpoolSample {
                callbacks: figures.callbacks,
                bytes: figures.bytes,
                max_bytes: figures.max_bytes,
                oldest_age_seconds: figures.oldest.map_or(0, age_seconds),
                set_aside_files: figures.set_aside_files,
            }),
        }
    }
}

fn age_seconds(since: OffsetDateTime) -> u64 {
    u64::try_from((OffsetDateTime::now_utc() - since).whole_seconds()).unwrap_or(0)
}
