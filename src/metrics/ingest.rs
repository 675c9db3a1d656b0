//! Metrics of the way from the queue to the disk.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::domain::CallbackKind;

use super::seconds;

#[derive(Clone, Debug)]
pub struct IngestMetrics {
    queue_wait: Histogram,
    postgres: Commits,
    spool: Commits,
    commit_seconds: Family<TargetLabel, Histogram, fn() -> Histogram>,
    batch_rows: Family<TargetLabel, Histogram, fn() -> Histogram>,
    spooled: Counter,
    drained: Counter,
    rejected: Family<RejectionLabels, Counter>,
}

/// The members of the families for one target, without a lookup for each batch.
#[derive(Clone, Debug)]
struct Commits {
    seconds: Histogram,
    rows: Histogram,
}

/// Where a batch is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitTarget {
    Postgres,
    Spool,
}

impl CommitTarget {
    fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Spool => "spool",
        }
    }
}

/// Why a callback is kept in `rejected_callbacks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Neither a delivery report nor an inbound message.
    Unusable,
    /// Postgres refused the row.
    Refused,
}

impl Rejection {
    const ALL: [Self; 2] = [Self::Unusable, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Unusable => "unusable",
            Self::Refused => "refused",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabel {
    to: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RejectionLabels {
    kind: &'static str,
    reason: &'static str,
}

/// 1 to 8,192: more than the default of `ingest.max_batch_rows`.
fn rows() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 14))
}

impl Default for IngestMetrics {
    fn default() -> Self {
        let commit_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let batch_rows = Family::new_with_constructor(rows as fn() -> Histogram);
        let commits = |target: CommitTarget| Commits {
            seconds: commit_seconds.get_or_create_owned(&TargetLabel { to: target.as_str() }),
            rows: batch_rows.get_or_create_owned(&TargetLabel { to: target.as_str() }),
        };
        Self {
            queue_wait: seconds(),
            postgres: commits(CommitTarget::Postgres),
            spool: commits(CommitTarget::Spool),
            commit_seconds,
            batch_rows,
            spooled: Counter::default(),
            drained: Counter::default(),
            rejected: Family::default(),
        }
    }
}

impl IngestMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        for kind in CallbackKind::ALL {
            for reason in Rejection::ALL {
                let _ = self.rejected.get_or_create(&labels(kind, reason));
            }
        }
        registry.register(
            "queue_wait_seconds",
            "Time that a callback waited in the queue",
            self.queue_wait.clone(),
        );
        registry.register(
            "commit_seconds",
            "Time until a batch was on disk, or failed",
            self.commit_seconds.clone(),
        );
        registry.register("batch_rows", "Callbacks in a batch", self.batch_rows.clone());
        registry.register(
            "spooled_callbacks",
            "Callbacks that were written to the spool",
            self.spooled.clone(),
        );
        registry.register(
            "drained_callbacks",
            "Callbacks that were moved from the spool to Postgres",
            self.drained.clone(),
        );
        registry.register(
            "rejected_callbacks",
            "Callbacks that went to rejected_callbacks, by reason",
            self.rejected.clone(),
        );
    }

    /// The time from a callback's submission to the begin of its batch.
    pub fn waited(&self, elapsed: Duration) {
        self.queue_wait.observe(elapsed.as_secs_f64());
    }

    /// A batch was committed, or failed.
    pub fn committed(&self, to: CommitTarget, rows: usize, elapsed: Duration) {
        let commits = match to {
            CommitTarget::Postgres => &self.postgres,
            CommitTarget::Spool => &self.spool,
        };
        commits.seconds.observe(elapsed.as_secs_f64());
        commits.rows.observe(f64::from(u32::try_from(rows).unwrap_or(u32::MAX)));
    }

    /// Callbacks were written to the spool.
    pub fn spooled(&self, callbacks: usize) {
        self.spooled.inc_by(callbacks as u64);
    }

    /// Callbacks were moved from the spool to Postgres.
    pub fn drained(&self, callbacks: u64) {
        self.drained.inc_by(callbacks);
    }

    pub fn rejected(&self, kind: CallbackKind, reason: Rejection) {
        self.rejected.get_or_create(&labels(kind, reason)).inc();
    }
}

fn labels(kind: CallbackKind, reason: Rejection) -> RejectionLabels {
    RejectionLabels { kind: kind.as_str(), reason: reason.as_str() }
}
