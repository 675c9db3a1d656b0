//! Log lines about what strangers can cause as often as they like: one at once, then at most one a
//! minute, with how many there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PAUSE_MS: u64 = 60_000;

/// One kind of event.
#[derive(Debug, Default)]
pub(super) struct Occasional {
    /// When the next line may be written, in milliseconds.
    next_ms: AtomicU64,
    /// How many there were since the last one.
    untold: AtomicU64,
}

impl Occasional {
    /// Counts one; where a line is due, how many it has to tell of. `now` counts from any moment, always
    /// the same one.
    pub(super) fn happened(&self, now: Duration) -> Option<u64> {
        self.counts();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let next = self.next_ms.load(Ordering::Relaxed);
        let is_due = now >= next
            // Of several at the same time one tells.
            && self
                .next_ms
                .compare_exchange(
                    next,
                    now.saturating_add(PAUSE_MS),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        is_due.then(|| self.untold.swap(0, Ordering::Relaxed))
    }

    /// Counts one that is no reason for a line.
    pub(super) fn counts(&self) {
        self.untold.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute_with_their_number() {
        let events = Occasional::default();
        let at = |seconds| events.happened(Duration::from_secs(seconds));
        assert_eq!(at(3), Some(1));
        assert_eq!((at(3), at(4), at(62)), (None, None, None));
        events.counts();
        assert_eq!(at(63), Some(5));
        assert_eq!(at(122), None);
        assert_eq!(at(500), Some(2));
    }
}
