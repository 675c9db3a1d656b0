//! Keeps the drain from crowding out live traffic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts commits of live traffic.
#[derive(Debug, Default)]
pub(super) struct Pace {
    commits: AtomicU64,
}

impl Pace {
    /// Counts a batch of live traffic, whether it was committed or failed.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of batches so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How long the drain rests after a chunk that took `elapsed`: as long as it worked if there was live
    /// traffic since `commits_before`, so that at least half of the database is left to that.
    pub(super) fn rest(&self, commits_before: u64, elapsed: Duration) -> Duration {
        if self.commits() == commits_before { Duration::ZERO } else { elapsed }
    }
}
