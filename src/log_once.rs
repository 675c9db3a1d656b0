//! Keeps one cause from filling the log. Decides only whether a line is due; the caller writes it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A state that is logged when it begins and, if the caller likes, when it ends; not in between.
///
/// Threads may share it: of several that begin or end the state at once, one logs.
#[derive(Debug, Default)]
pub struct LogOnce(AtomicBool);

impl LogOnce {
    /// The state holds. True if it did not before: log its start.
    pub fn begin(&self) -> bool {
        !self.is_on() && !self.0.swap(true, Ordering::Relaxed)
    }

    /// The state does not hold. True if it did before: log its end.
    pub fn end(&self) -> bool {
        self.is_on() && self.0.swap(false, Ordering::Relaxed)
    }

    /// Cheaper than a swap, which most calls do not need.
    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Events that others can cause as often as they like: the first is logged at once, the rest in at most
/// one line a minute, which says how many there were.
#[derive(Debug, Default)]
pub struct RateLimitedLog {
    /// When the next line may be written, in milliseconds.
    next_ms: AtomicU64,
    /// Events since the last line.
    unlogged: AtomicU64,
}

impl RateLimitedLog {
    const INTERVAL: Duration = Duration::from_mins(1);

    /// Counts an event. If a line is due, returns how many events it stands for, this one included.
    /// `now` is the time since any fixed moment.
    pub fn record(&self, now: Duration) -> Option<u64> {
        self.count();
        let next = self.next_ms.load(Ordering::Relaxed);
        let is_due = milliseconds(now) >= next
            // Of several threads that see a line due, one writes it.
            && self
                .next_ms
                .compare_exchange(
                    next,
                    milliseconds(now.saturating_add(Self::INTERVAL)),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        is_due.then(|| self.unlogged.swap(0, Ordering::Relaxed))
    }

    /// Counts an event that does not cause a line; the next line includes it.
    pub fn count(&self) {
        self.unlogged.fetch_add(1, Ordering::Relaxed);
    }
}

/// Saturates after 584 million years.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_logged_when_it_begins_and_when_it_ends() {
        let state = LogOnce::default();
        assert!(!state.end(), "it has not begun");
        for _ in 0..2 {
            assert_eq!((state.begin(), state.begin(), state.begin()), (true, false, false));
            assert_eq!((state.end(), state.end()), (true, false));
        }
    }

    #[test]
    fn the_first_event_is_logged_at_once_and_the_others_once_a_minute_with_their_number() {
        let events = RateLimitedLog::default();
        let at = |seconds| events.record(Duration::from_secs(seconds));
        assert_eq!(at(3), Some(1));
        assert_eq!((at(3), at(4), at(62)), (None, None, None));
        events.count();
        assert_eq!(at(63), Some(5));
        assert_eq!(at(122), None);
        assert_eq!(at(500), Some(2));
    }

    #[test]
    fn of_threads_that_see_the_same_event_one_logs() {
        let (state, events) = (LogOnce::default(), RateLimitedLog::default());
        let threads = 4;
        let lines = std::thread::scope(|scope| {
            let one = || (state.begin(), events.record(Duration::from_secs(1)).is_some());
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(lines.iter().filter(|(begin, _)| *begin).count(), 1);
        assert_eq!(lines.iter().filter(|(_, line)| *line).count(), 1);
    }
}
