//! Keys under clocks that stand still, go back, or are absurd.

use std::collections::HashSet;
use std::sync::Arc;

use super::*;

/// Both clocks, moved by the test.
#[derive(Clone)]
struct Clocks(Arc<Mutex<Reading>>);

impl Clocks {
    /// A wall clock that shows this time.
    fn at(wall: Duration) -> Self {
        Self(Arc::new(Mutex::new(Reading { wall, monotonic: Duration::ZERO })))
    }

    fn source(&self) -> EventKeySource {
        let clocks = self.clone();
        EventKeySource::with_clock(move || *clocks.0.lock().unwrap())
    }

    fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        now.wall += time;
        now.monotonic += time;
    }

    fn set_back(&self, by: Duration) {
        self.0.lock().unwrap().wall -= by;
    }

    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.0.lock().unwrap().wall
    }
}

const NOW: Duration = Duration::from_micros(1_800_000_000_123_456);

#[test]
fn keys_keep_their_order_when_the_clock_stands_still_or_goes_back_a_little() {
    let clocks = Clocks::at(NOW);
    let source = clocks.source();
    let mut keys: Vec<EventKey> = (0..2_000).map(|_| source.next()).collect();
    clocks.set_back(Duration::from_secs(4));
    keys.extend((0..2_000).map(|_| source.next()));
    for _ in 0..20 {
        clocks.pass(Duration::from_millis(500));
        keys.push(source.next());
    }

    assert!(keys.windows(2).all(|pair| pair[0].received_at < pair[1].received_at));
    assert!(keys.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(keys.last().unwrap().received_at, clocks.wall(), "the clock has caught up");
}

#[test]
fn after_a_small_step_back_times_advance_by_the_monotonic_clock() {
    let clocks = Clocks::at(NOW);
    let source = clocks.source();
    let before = source.next().received_at;
    clocks.set_back(Duration::from_secs(5));
    clocks.pass(Duration::from_secs(2));
    assert_eq!(source.next().received_at - before, Duration::from_secs(1));
}

#[test]
fn after_a_large_step_back_times_are_those_of_the_clock_again_and_ids_stay_unique() {
    let clocks = Clocks::at(NOW + Duration::from_hours(1));
    let source = clocks.source();
    let mut keys: Vec<EventKey> = (0..2_000).map(|_| source.next()).collect();
    clocks.set_back(Duration::from_hours(1));
    keys.extend((0..2_000).map(|_| source.next()));
    let back = source.next();
    assert!(back.received_at - clocks.wall() < Duration::from_millis(10));
    clocks.pass(Duration::from_mins(3));
    let later = source.next();
    assert_eq!(later.received_at, clocks.wall());
    assert!(later.received_at - back.received_at > Duration::from_secs(179));
    keys.extend([back, later]);

    let ids: HashSet<Uuid> = keys.iter().map(|key| key.id).collect();
    assert_eq!(ids.len(), keys.len());
}

#[test]
fn an_id_is_a_version_7_uuid_of_the_time_of_reception() {
    let key = Clocks::at(NOW).source().next();
    assert_eq!(key.id.get_version_num(), 7);
    let (seconds, nanos) = key.id.get_timestamp().unwrap().to_unix();
    assert_eq!((seconds, nanos / 1_000_000), (1_800_000_000, 123));
    assert_eq!(key.received_at.microsecond(), 123_456);
}

#[test]
fn two_processes_at_the_same_microsecond_give_different_ids() {
    let clocks = Clocks::at(NOW);
    assert_ne!(clocks.source().next().id, clocks.source().next().id);
}

#[test]
fn an_absurd_clock_gives_times_that_postgres_and_the_calendar_have() {
    // The system's clock before the epoch counts as the epoch.
    let source = Clocks::at(Duration::ZERO).source();
    assert_eq!(source.next().received_at, OffsetDateTime::UNIX_EPOCH + Duration::from_micros(1));
    let source = Clocks::at(Duration::MAX).source();
    for _ in 0..2 {
        assert_eq!(source.next().received_at.year(), 9_000);
    }
}
