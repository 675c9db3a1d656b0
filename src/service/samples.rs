//! The metrics that are sampled when Prometheus asks for them.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::accounts::PreviousCredential;
use crate::error_chain::Chain;
use crate::ingest::{IngestHandle, Readiness};
use crate::log_once::LogOnce;
use crate::memory::MemoryBudget;
use crate::metrics::{
    Exposition, Metrics, PreviousCredentialSample, QueueSample, Sample, SpoolSample,
};
use crate::spool::{Figures, Spool};

/// All metrics of a service.
pub(super) fn exposition(
    metrics: &Metrics,
    ingest: IngestHandle,
    memory: Arc<MemoryBudget>,
    spool: Arc<Spool>,
    previous_credentials: Vec<PreviousCredential>,
) -> Exposition {
    let unreadable = LogOnce::default();
    let http = metrics.http.clone();
    let buffered_bytes = move || memory.charged() as u64 + http.unauthenticated_bytes();
    Exposition::new(
        metrics,
        move || sample(&ingest, buffered_bytes(), &previous_credentials),
        move || spool_sample(&spool, &unreadable),
    )
}

fn sample(
    ingest: &IngestHandle,
    buffered_bytes: u64,
    previous_credentials: &[PreviousCredential],
) -> Sample {
    let readiness = ingest.readiness();
    let (callbacks, capacity) = ingest.queue();
    Sample {
        postgres_up: readiness == Readiness::Postgres,
        ready: readiness != Readiness::NotReady,
        queue: QueueSample { callbacks, capacity },
        buffered_bytes,
        previous_credentials: previous_credentials
            .iter()
            .map(|previous| PreviousCredentialSample {
                account: previous.account.to_string(),
                credential: previous.key,
                last_used: previous.last_used(),
            })
            .collect(),
    }
}

/// None if the spool's directory can't be read: the metrics of the spool are then missing.
fn spool_sample(spool: &Spool, unreadable: &LogOnce) -> Option<SpoolSample> {
    match spool.figures() {
        Ok(Figures { callbacks, bytes, max_bytes, oldest, set_aside_files }) => {
            unreadable.end();
            let oldest_age_seconds = oldest.map_or(0, age_seconds);
            Some(SpoolSample { callbacks, bytes, max_bytes, oldest_age_seconds, set_aside_files })
        }
        Err(error) => {
            if unreadable.begin() {
                tracing::warn!(error = %Chain(&error), "can't read the spool: its metrics are missing");
            }
            None
        }
    }
}

/// 0 if the clock was set back behind `since`.
fn age_seconds(since: OffsetDateTime) -> u64 {
    (OffsetDateTime::now_utc() - since).whole_seconds().max(0).unsigned_abs()
}
