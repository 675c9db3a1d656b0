//! The identity and time of a callback, assigned once, where it arrives.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rand::RngExt as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// How far keys may be ahead of the wall clock. A clock that is further behind the last key was set back,
/// and is followed.
const MAX_AHEAD: Duration = Duration::from_secs(5);

/// The year 9000. A later clock counts as this: Postgres and the calendar have room above it.
const LATEST: Duration = Duration::from_hours(61_623_720);

/// The primary key of every row. A replayed callback has the same key, so it is the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Reception time in UTC, in whole microseconds (the resolution of Postgres).
    pub received_at: OffsetDateTime,
    /// A `UUIDv7` of the same instant: ids sort like reception times.
    pub id: Uuid,
}

/// Assigns keys. Within one process they are unique and, unless the wall clock is set back by more than
/// 5 s, strictly increasing in both fields.
///
/// A key has the time of the wall clock. While the wall clock is not after the last key, time passes at
/// half the speed of the monotonic clock, at least a microsecond a key, until the wall clock has caught
/// up. A wall clock more than 5 s behind the last key is followed, and logged: the keys before it may
/// have times in the future.
pub struct EventKeySource {
    clock: Box<dyn Fn() -> Reading + Send + Sync>,
    last: Mutex<Last>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Since the Unix epoch; zero before it.
    wall: Duration,
    /// Since any fixed moment.
    monotonic: Duration,
}

/// The last key.
#[derive(Debug, Default)]
struct Last {
    /// Its time, in microseconds since the Unix epoch.
    micros: u64,
    /// When it was assigned, by the monotonic clock.
    monotonic: Duration,
}

impl EventKeySource {
    /// Keys by the system's clocks.
    #[must_use]
    pub fn system() -> Self {
        let started = Instant::now();
        Self::with_clock(move || Reading {
            wall: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
            monotonic: started.elapsed(),
        })
    }

    fn with_clock(clock: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), last: Mutex::default() }
    }

    pub fn next(&self) -> EventKey {
        let micros = self.next_micros();
        EventKey {
            received_at: OffsetDateTime::UNIX_EPOCH + Duration::from_micros(micros),
            id: uuid_v7(micros, rand::rng().random()),
        }
    }

    fn next_micros(&self) -> u64 {
        // Each of its values is valid by itself, whatever panicked.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        let wall = microseconds(now.wall.min(LATEST));
        let passed = now.monotonic.saturating_sub(last.monotonic);
        let ahead = Duration::from_micros(last.micros.saturating_sub(wall));
        let micros = if wall > last.micros {
            wall
        } else if ahead > MAX_AHEAD {
            tracing::warn!(
                seconds = (ahead + passed).as_secs(),
                "the system's clock was set back: callbacks before this line may have times in the future"
            );
            wall
        } else {
            last.micros + microseconds(passed / 2).max(1)
        };
        *last = Last { micros, monotonic: now.monotonic };
        micros
    }
}

impl fmt::Debug for EventKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventKeySource").finish_non_exhaustive()
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("no clock shows 584,000 years")
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
mod tests;
