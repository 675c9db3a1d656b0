//! Which connection gives way.

use crate::metrics::{HttpMetrics, Listener};

use std::time::Duration;

use super::*;
use crate::http::slot::{FREE_HEAD, UnauthenticatedMemory};

const LIMIT: usize = 100_000;

/// Three slots, all taken, that are evictable from these times on.
fn taken(from: [u64; 3]) -> (Arc<Slots>, Vec<Arc<Slot>>) {
    let slots = Slots::new(3, LIMIT, HttpMetrics::default().listener(Listener::Http, 3));
    let taken_slots: Vec<_> = (0..3).map(|_| Arc::new(slots.try_take().unwrap())).collect();
    assert!(slots.try_take().is_none());
    for (slot, from) in taken_slots.iter().zip(from) {
        slots.state(slot.number).evictable_from.store(from, Ordering::Relaxed);
    }
    (slots, taken_slots)
}

const LATER: u64 = 3_600_000;

async fn evicted(slot: &Slot) -> bool {
    let soon = Duration::from_millis(20);
    tokio::time::timeout(soon, slot.evicted()).await.is_ok()
}

#[tokio::test]
async fn the_connection_that_has_waited_longest_gives_its_slot_to_a_new_one() {
    let (slots, mut taken_slots) = taken([0, NEVER, LATER]);
    assert!(slots.make_room());
    assert!(
        evicted(&taken_slots[0]).await
            && !evicted(&taken_slots[1]).await
            && !evicted(&taken_slots[2]).await
    );
    assert_eq!(taken_slots[0].answer(false).err(), Some(Evicted), "its request is too late");
    let number = taken_slots.remove(0).number;
    let next = slots.clone().take().await.unwrap();
    assert_eq!(next.number, number);
    let from = slots.state(number).evictable_from.swap(LATER, Ordering::Relaxed);
    assert!((50..LATER).contains(&from), "it is new");
    assert!(!evicted(&next).await, "one connection is evicted, not two");
}

#[tokio::test]
async fn the_longest_wait_is_found_wherever_it_is() {
    for longest in 0..3 {
        let mut from = [2; 3];
        from[longest] = 1;
        let (slots, taken_slots) = taken(from);
        // Until the clock of the slots has passed all three.
        while slots.now() < 3 {
            tokio::task::yield_now().await;
        }
        assert!(slots.make_room());
        assert!(evicted(&taken_slots[longest]).await);
    }
}

#[tokio::test]
async fn a_complete_request_is_never_evicted_and_a_late_body_is() {
    let (slots, taken_slots) = taken([0, 0, 0]);
    let first = taken_slots[0].answer(false).unwrap();
    let second = taken_slots[1].answer(true).unwrap();
    let third = taken_slots[2].answer(true).unwrap();
    assert!(taken_slots[2].request_is_complete());
    slots.state(taken_slots[1].number).evictable_from.store(0, Ordering::Relaxed);
    assert!(slots.make_room());
    assert!(!slots.make_room());
    assert!(evicted(&taken_slots[1]).await, "its body takes too long");
    assert!(!taken_slots[1].request_is_complete());
    drop((first, second, third));
    assert_eq!(taken_slots[1].answer(false).err(), Some(Evicted));
    assert!(taken_slots[0].answer(false).is_ok());
}

#[tokio::test]
async fn announcing_a_body_gives_no_more_time_than_announcing_nothing() {
    let (slots, taken_slots) = taken([LATER; 3]);
    let _announced = taken_slots[1].answer(true).unwrap();
    let latest = slots.now() + 50;
    let from = slots.state(taken_slots[1].number).evictable_from.load(Ordering::Relaxed);
    assert!(from <= latest, "{from}");
}

#[tokio::test]
async fn memory_is_taken_from_the_connection_that_has_waited_longest_for_bytes() {
    let (slots, taken_slots) = taken([LATER; 3]);
    let held = |slot: &Slot| slots.state(slot.number).held.load(Ordering::Relaxed);
    let [first, second, third] = &*taken_slots else { unreachable!() };
    first.read(FREE_HEAD).unwrap();
    assert_eq!(held(first), 0, "a small head is free");
    first.read(40_000).unwrap();
    second.read(10_000).unwrap();
    assert_eq!((held(first), held(second)), (65_536, 16_384));
    // The first has sent something again, so the second goes.
    first.read(10_000).unwrap();
    let answering = third.answer(true).unwrap();
    let mut body = UnauthenticatedMemory::of(third).charge();
    body.grow(30_000).unwrap();
    assert!(evicted(second).await && !evicted(first).await && !evicted(third).await);
    assert_eq!(slots.held.load(Ordering::Relaxed), 95_536);
    // One that can't have more even by itself is closed.
    assert_eq!(body.grow(90_000).err(), Some(Evicted));
    assert!(evicted(first).await && evicted(third).await);
    drop(body);
    drop(answering);
    drop(taken_slots);
    assert_eq!(slots.held.load(Ordering::Relaxed), 0);
}
