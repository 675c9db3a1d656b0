//! How the drain leaves room for live traffic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts commits of live traffic.
#[derive(Debug, Default)]
pub(super) struct Pace {
    commits: AtomicU64,
}

impl Pace {
    /// A batch of live traffic was committed, or could not be.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// A number that differs when there was live traffic in between.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How long the drain rests after a chunk that took `elapsed`: while there is live traffic, as
    /// long as it worked, so that at least half of the database is left to it.
    pub(super) fn rest(&self, commits_before: u64, elapsed: Duration) -> Duration {
        if self.commits() == commits_before { Duration::ZERO } else { elapsed }
    }
}
