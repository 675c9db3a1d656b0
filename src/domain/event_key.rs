//! Identity and time of a callback, given once, where it arrives.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use rand::RngExt as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// The primary key of every row: a replayed callback carries the same key, so it is the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Reception time in UTC, in whole microseconds (the resolution of Postgres).
    pub received_at: OffsetDateTime,
    /// A `UUIDv7` of the same instant, so that ids sort as the receptions do.
    pub id: Uuid,
}

/// Hands out keys that are unique and, within one process, strictly increasing in both fields,
/// whatever the clock does: while the clock stands still or goes back, each key is one
/// microsecond after the last.
pub struct EventKeySource {
    clock: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
    /// The last time given out, in microseconds since the Unix epoch.
    last: AtomicI64,
}

impl EventKeySource {
    /// Stamps by the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::with_clock(OffsetDateTime::now_utc)
    }

    /// Stamps by a clock of the caller's.
    pub fn with_clock(clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), last: AtomicI64::new(0) }
    }

    /// The next key.
    pub fn next(&self) -> EventKey {
        let now = microseconds((self.clock)());
        let previous = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        let micros = now.max(previous.map_or(0, |last| last + 1));
        EventKey {
            received_at: OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(micros),
            id: uuid_v7(micros, rand::rng().random()),
        }
    }
}

impl fmt::Debug for EventKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventKeySource").finish_non_exhaustive()
    }
}

/// Microseconds since the Unix epoch; 0 for a clock that stands before it.
fn microseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).map_or(0, |micros| micros.max(0))
}

/// RFC 9562, section 5.7, with the microseconds within the millisecond in `rand_a` (section 6.2,
/// method 3).
fn uuid_v7(micros: i64, random: u64) -> Uuid {
    let micros = micros.unsigned_abs();
    let rand_a = u16::try_from(micros % 1_000).unwrap_or_default();
    // The builder puts version and variant over the highest bits of both parts.
    let rand_b = u128::from(random);
    let bits = (u128::from(rand_a) << 64 | rand_b).to_be_bytes();
    let random: [u8; 10] = bits.last_chunk().copied().unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(micros / 1_000, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64 as Clock;

    fn source(clock: &Arc<Clock>) -> EventKeySource {
        let clock = Arc::clone(clock);
        EventKeySource::with_clock(move || {
            OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(clock.load(Ordering::Relaxed))
        })
    }

    #[test]
    fn stamps_keep_their_order_when_the_clock_stands_still_or_goes_back() {
        let clock = Arc::new(Clock::new(1_800_000_000_000_123));
        let source = source(&clock);
        let mut keys: Vec<EventKey> = (0..2_000).map(|_| source.next()).collect();
        clock.fetch_sub(3_600_000_000, Ordering::Relaxed);
        keys.extend((0..2_000).map(|_| source.next()));
        clock.fetch_add(9_000_000_000, Ordering::Relaxed);
        keys.push(source.next());

        assert!(keys.windows(2).all(|pair| pair[0].received_at < pair[1].received_at));
        assert!(keys.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn an_id_is_a_version_7_uuid_of_the_time_of_reception() {
        let key = source(&Arc::new(Clock::new(1_800_000_000_123_456))).next();
        assert_eq!(key.id.get_version_num(), 7);
        let (seconds, nanos) = key.id.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos / 1_000_000), (1_800_000_000, 123));
        assert_eq!(key.received_at.microsecond(), 123_456);
    }

    #[test]
    fn two_processes_at_the_same_microsecond_give_different_ids() {
        let clock = Arc::new(Clock::new(1_800_000_000_000_000));
        assert_ne!(source(&clock).next().id, source(&clock).next().id);
    }
}
