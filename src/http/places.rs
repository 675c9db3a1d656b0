//! The places for connections, and who has to leave when they are all taken: the one that has waited
//! longest for its client to send something. Never one whose request is complete.
//!
//! So whoever holds connections open without using them can't keep others out. Each place has one atomic
//! number, which says from when on it may be taken away; only when all places are taken somebody looks
//! at the others'.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long a connection is left alone that has just been made, or answered, or has sent a head with a
/// body to come. Clients send at once, so it need not be long; and the shorter it is, the faster strangers
/// may come without keeping others out. Past it, who has waited longest goes first.
const GRACE: Duration = Duration::from_millis(50);

/// How many places are looked at, at most, to find the one that has waited longest.
const LOOK_AT: usize = 4096;

/// A request is being answered, or nobody is there.
const NOT_TO_BE_CLOSED: u64 = u64::MAX;

/// Somebody else gets the place.
const LOST: u64 = u64::MAX - 1;

/// All places of a listener.
pub(super) struct Places {
    opened: Instant,
    free: Arc<Semaphore>,
    /// Invariant: at least as many as `free` has permits.
    free_numbers: Mutex<Vec<usize>>,
    /// Of each place the milliseconds since `opened` from which on it may be taken away, or one of the
    /// two constants.
    from: Box<[AtomicU64]>,
    /// Of each place, who sits in it and is to be woken when it is lost.
    lost: Box<[Notify]>,
    /// Where the next look at the places begins.
    look_from: AtomicUsize,
}

impl Places {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            free: Arc::new(Semaphore::new(limit)),
            free_numbers: Mutex::new((0..limit).collect()),
            from: (0..limit).map(|_| AtomicU64::new(NOT_TO_BE_CLOSED)).collect(),
            lost: (0..limit).map(|_| Notify::new()).collect(),
            look_from: AtomicUsize::new(0),
        })
    }

    /// A place, if one is free.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        self.seat(permit)
    }

    /// The next place that becomes free; those who wait get them in their order.
    pub(super) async fn take(self: Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        self.seat(permit)
    }

    /// Takes the place of the connection that has waited longest, which frees it in a moment. False: all
    /// are being answered, or have only just come.
    pub(super) fn make_room(&self) -> bool {
        let now = self.now();
        while let Some((number, from)) = self.longest_waiting(now) {
            // If not, its request has come meanwhile.
            if self.change(number, |found| (found == from).then_some(LOST)) {
                if let Some(lost) = self.lost.get(number) {
                    lost.notify_one();
                }
                return true;
            }
        }
        false
    }

    fn longest_waiting(&self, now: u64) -> Option<(usize, u64)> {
        let all = self.from.len();
        let looks = all.min(LOOK_AT);
        let first = self.look_from.fetch_add(looks, Ordering::Relaxed);
        let numbers = (0..looks).map(|step| first.wrapping_add(step) % all);
        numbers
            .filter_map(|number| Some((number, self.from.get(number)?.load(Ordering::Relaxed))))
            .filter(|(_, from)| *from <= now)
            .min_by_key(|(_, from)| *from)
    }

    fn seat(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Option<Place> {
        let number = self.free_numbers.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let place = Place { number, places: Arc::clone(self), _permit: permit };
        place.waits();
        Some(place)
    }

    fn change(&self, number: usize, change: impl FnMut(u64) -> Option<u64>) -> bool {
        self.from.get(number).is_some_and(|from| {
            from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(LOST - 1)
    }
}

/// A connection's place; free again when dropped.
pub(super) struct Place {
    number: usize,
    places: Arc<Places>,
    /// Dropped after `number` is free.
    _permit: OwnedSemaphorePermit,
}

/// The place was given to somebody else before the request was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed to make room for another")]
pub(super) struct PlaceLost;

impl Place {
    /// Waits until the place is lost.
    pub(super) async fn lost(&self) {
        while let Some(lost) = self.places.lost.get(self.number) {
            lost.notified().await;
            // Else it was for somebody who sat here before.
            let from = self.places.from.get(self.number);
            if from.is_some_and(|from| from.load(Ordering::Relaxed) == LOST) {
                return;
            }
        }
    }

    /// A head has come: until what this returns is dropped, its request is being answered. Where it has a
    /// body, that has to come in time.
    pub(super) fn answer(self: &Arc<Self>, body_follows: bool) -> Result<Answering, PlaceLost> {
        let kept = if body_follows { self.waits() } else { self.request_is_complete() };
        if kept { Ok(Answering(Arc::clone(self))) } else { Err(PlaceLost) }
    }

    /// The request has come, whole. False: the place is lost.
    pub(super) fn request_is_complete(&self) -> bool {
        self.becomes(NOT_TO_BE_CLOSED)
    }

    fn waits(&self) -> bool {
        let grace = u64::try_from(GRACE.as_millis()).unwrap_or_default();
        self.becomes(self.places.now().saturating_add(grace))
    }

    fn becomes(&self, from: u64) -> bool {
        self.places.change(self.number, |found| (found != LOST).then_some(from))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.change(self.number, |_| Some(NOT_TO_BE_CLOSED));
        let mut numbers = self.places.free_numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.push(self.number);
    }
}

/// A request is being answered.
pub(super) struct Answering(Arc<Place>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.waits();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three places, all taken, that may be taken away from these moments on.
    fn taken(from: [u64; 3]) -> (Arc<Places>, Vec<Arc<Place>>) {
        let places = Places::new(3);
        let seats: Vec<_> = (0..3).map(|_| Arc::new(places.try_take().unwrap())).collect();
        assert!(places.try_take().is_none());
        for (seat, from) in seats.iter().zip(from) {
            places.from[seat.number].store(from, Ordering::Relaxed);
        }
        (places, seats)
    }

    const LATER: u64 = 3_600_000;

    async fn lost(seat: &Place) -> bool {
        let soon = Duration::from_millis(20);
        tokio::time::timeout(soon, seat.lost()).await.is_ok()
    }

    #[tokio::test]
    async fn who_has_waited_longest_loses_the_place_to_who_comes() {
        let (places, mut seats) = taken([0, NOT_TO_BE_CLOSED, LATER]);
        assert!(places.make_room());
        assert!(lost(&seats[0]).await && !lost(&seats[1]).await && !lost(&seats[2]).await);
        assert_eq!(seats[0].answer(false).err(), Some(PlaceLost), "its request comes too late");
        let number = seats.remove(0).number;
        let next = places.clone().take().await.unwrap();
        assert_eq!(next.number, number);
        let from = places.from[number].swap(LATER, Ordering::Relaxed);
        assert!((50..LATER).contains(&from), "it has only just come");
        assert!(!lost(&next).await, "the place is lost once only");
    }

    #[tokio::test]
    async fn the_longest_wait_is_found_wherever_it_is() {
        for longest in 0..3 {
            let mut from = [2; 3];
            from[longest] = 1;
            let (places, seats) = taken(from);
            tokio::time::sleep(Duration::from_millis(3)).await;
            assert!(places.make_room());
            assert!(lost(&seats[longest]).await);
        }
    }

    #[tokio::test]
    async fn a_complete_request_never_loses_its_place_and_a_body_that_is_late_does() {
        let (places, seats) = taken([0, 0, 0]);
        let first = seats[0].answer(false).unwrap();
        let second = seats[1].answer(true).unwrap();
        let third = seats[2].answer(true).unwrap();
        assert!(seats[2].request_is_complete());
        places.from[seats[1].number].store(0, Ordering::Relaxed);
        assert!(places.make_room());
        assert!(!places.make_room());
        assert!(lost(&seats[1]).await, "its body takes too long");
        assert!(!seats[1].request_is_complete());
        drop((first, second, third));
        assert_eq!(seats[1].answer(false).err(), Some(PlaceLost));
        assert!(seats[0].answer(false).is_ok());
    }

    #[tokio::test]
    async fn who_announces_a_body_is_left_alone_no_longer_than_who_announces_nothing() {
        let (places, seats) = taken([LATER; 3]);
        let _announced = seats[1].answer(true).unwrap();
        let latest = places.now() + 50;
        let from = places.from[seats[1].number].load(Ordering::Relaxed);
        assert!(from <= latest, "else one head a second keeps a place from everybody: {from}");
    }
}
