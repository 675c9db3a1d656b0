//! The identity and time of a callback, assigned once, where it arrives.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use rand::RngExt as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// The primary key of every row. A replayed callback has the same key, so it is the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Reception time in UTC, in whole microseconds (the resolution of Postgres).
    pub received_at: OffsetDateTime,
    /// A `UUIDv7` of the same instant: ids sort like reception times.
    pub id: Uuid,
}

/// Assigns keys. Within one process they are unique and strictly increasing in both fields: a key has
/// the time of the wall clock or, where that is not after the last key, one microsecond after the
/// last key. After the clock is set back, keys advance by microseconds until the clock has caught up.
pub struct EventKeySource {
    clock: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
    /// The last time assigned, in microseconds since the Unix epoch.
    last: AtomicI64,
}

impl EventKeySource {
    /// Keys by the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::with_clock(OffsetDateTime::now_utc)
    }

    pub fn with_clock(clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), last: AtomicI64::new(0) }
    }

    pub fn next(&self) -> EventKey {
        let now = microseconds((self.clock)());
        let advanced = |last: i64| now.max(last + 1);
        let (Ok(last) | Err(last)) =
            self.last
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(advanced(last)));
        let micros = advanced(last);
        EventKey {
            received_at: OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(micros),
            id: uuid_v7(micros.unsigned_abs(), rand::rng().random()),
        }
    }
}

impl fmt::Debug for EventKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventKeySource").finish_non_exhaustive()
    }
}

/// Microseconds since the Unix epoch; 0 for a clock before it.
fn microseconds(at: OffsetDateTime) -> i64 {
    (at.unix_timestamp() * 1_000_000 + i64::from(at.microsecond())).max(0)
}

/// RFC 9562, section 5.7, with the microseconds within the millisecond in `rand_a` (section 6.2,
/// method 3).
fn uuid_v7(micros: u64, random: u64) -> Uuid {
    // The builder puts version and variant over the highest bits of both parts.
    let (rand_a, rand_b) = (u128::from(micros % 1_000), u128::from(random));
    let [_, _, _, _, _, _, random @ ..] = (rand_a << 64 | rand_b).to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(micros / 1_000, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64 as Clock;

    use time::Duration;

    fn source(clock: &Arc<Clock>) -> EventKeySource {
        let clock = Arc::clone(clock);
        EventKeySource::with_clock(move || {
            OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(clock.load(Ordering::Relaxed))
        })
    }

    #[test]
    fn keys_keep_their_order_when_the_clock_stands_still_or_goes_back() {
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

    #[test]
    fn a_clock_before_the_epoch_counts_as_the_epoch() {
        let source = source(&Arc::new(Clock::new(-5_000_000)));
        assert_eq!(
            source.next().received_at,
            OffsetDateTime::UNIX_EPOCH + Duration::microseconds(1)
        );
    }
}
