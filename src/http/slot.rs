//! The slot of one connection: whether it waits for its client, and the memory that it holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::slots::{EVICTED, NEVER, Slots};

/// How long a connection is safe from eviction after it was accepted, was answered, or sent a head that a
/// body follows, in milliseconds. Clients send at once, so this can be short. The shorter it is, the faster
/// strangers may connect without keeping others out.
const GRACE_MS: u64 = 50;

/// The memory of a head that is not charged, in bytes: about what a connection takes in any case.
pub(super) const FREE_HEAD: usize = 8 * 1024;

/// `head_bytes`: what is read belongs to no head.
const IN_REQUEST: usize = usize::MAX;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of a head.
    Idle,
    /// The rest of a head.
    Head,
    /// The body, or the answer.
    InRequest,
}

/// The slot of a connection; free again when dropped.
pub(super) struct Slot {
    pub(super) number: usize,
    slots: Arc<Slots>,
    /// Bytes of the head that is being read, or `IN_REQUEST`. Only the connection's task uses it.
    head_bytes: AtomicUsize,
    /// Dropped after `number` is free.
    _permit: OwnedSemaphorePermit,
}

/// The connection was closed before its request was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed to make room for others")]
pub(super) struct Evicted;

impl Slot {
    pub(super) fn new(number: usize, slots: Arc<Slots>, permit: OwnedSemaphorePermit) -> Self {
        let slot = Self { number, slots, head_bytes: AtomicUsize::new(0), _permit: permit };
        slot.waits();
        slot
    }

    /// Returns once the connection has to close.
    pub(super) async fn evicted(&self) {
        let state = self.slots.state(self.number);
        loop {
            state.evicted.notified().await;
            // Otherwise a connection that had the slot before was meant.
            if state.evictable_from.load(Ordering::Relaxed) == EVICTED {
                return;
            }
        }
    }

    /// So many bytes were read from the connection.
    pub(super) fn read(&self, bytes: usize) -> Result<(), Evicted> {
        let state = self.slots.state(self.number);
        let before = self.head_bytes.load(Ordering::Relaxed);
        // Small requests skip this.
        if before >= FREE_HEAD || state.held.load(Ordering::Relaxed) > 0 {
            self.slots.stamp(self.number);
        }
        if before == IN_REQUEST {
            return Ok(());
        }
        let head = before + bytes;
        self.head_bytes.store(head, Ordering::Relaxed);
        // Buffers grow by doubling.
        let memory = |head: usize| if head > FREE_HEAD { head.next_power_of_two() } else { 0 };
        match memory(head) - memory(before) {
            0 => Ok(()),
            more => self.slots.hold(self.number, more),
        }
    }

    /// A head has been read: its request is being answered until the value is dropped. A body that
    /// follows has to come in time.
    pub(super) fn answer(self: &Arc<Self>, body_follows: bool) -> Result<Answering, Evicted> {
        let head = self.head_bytes.swap(IN_REQUEST, Ordering::Relaxed);
        let kept = if body_follows { self.waits() } else { self.request_is_complete() };
        let answering = Answering { slot: Arc::clone(self), had_large_head: head > FREE_HEAD };
        if kept { Ok(answering) } else { Err(Evicted) }
    }

    /// Whether the connection may read on after an early answer, for as long as the permit is kept.
    pub(super) fn try_linger(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots.lingering).try_acquire_owned().ok()
    }

    /// What the connection waits for.
    pub(super) fn phase(&self) -> Phase {
        match self.head_bytes.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            IN_REQUEST => Phase::InRequest,
            _ => Phase::Head,
        }
    }

    /// Whether a request has arrived completely and is being answered.
    pub(super) fn has_complete_request(&self) -> bool {
        self.slots.state(self.number).evictable_from.load(Ordering::Relaxed) == NEVER
    }

    /// The request has arrived completely. False if the connection has to close.
    pub(super) fn request_is_complete(&self) -> bool {
        self.set_evictable_from(NEVER)
    }

    fn waits(&self) -> bool {
        self.set_evictable_from(self.slots.now().saturating_add(GRACE_MS))
    }

    fn set_evictable_from(&self, from: u64) -> bool {
        self.slots.change(self.number, |found| (found != EVICTED).then_some(from))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.release(self.number, usize::MAX);
        self.slots.change(self.number, |_| Some(NEVER));
        let mut numbers = self.slots.free_numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.push(self.number);
    }
}

/// A request is being answered.
pub(super) struct Answering {
    slot: Arc<Slot>,
    had_large_head: bool,
}

impl Answering {
    /// Whether the request has arrived completely.
    pub(super) fn request_is_complete(&self) -> bool {
        self.slot.has_complete_request()
    }

    /// Whether the connection has to close after the answer: hyper keeps the buffer of a large head for
    /// as long as the connection is open.
    pub(super) fn is_last(&self) -> bool {
        self.had_large_head
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.slot.head_bytes.store(0, Ordering::Relaxed);
        self.slot.waits();
    }
}

/// The memory that a connection holds for a request that has not authenticated.
#[derive(Clone)]
pub(super) struct UnauthenticatedMemory(Arc<Slot>);

impl UnauthenticatedMemory {
    pub(super) fn of(slot: &Arc<Slot>) -> Self {
        Self(Arc::clone(slot))
    }

    /// Releases what is charged for the head: the request has authenticated. Returns how much it was.
    pub(super) fn release_head(&self) -> usize {
        let Slot { number, slots, .. } = &*self.0;
        let head = slots.state(*number).held.load(Ordering::Relaxed);
        if head > 0 {
            slots.release(*number, head);
        }
        head
    }

    /// A charge for the body, of nothing yet.
    pub(super) fn charge(&self) -> UnauthenticatedCharge {
        UnauthenticatedCharge { slot: Arc::clone(&self.0), bytes: 0 }
    }
}

/// Bytes of a body, given back when dropped.
pub(super) struct UnauthenticatedCharge {
    slot: Arc<Slot>,
    bytes: usize,
}

impl UnauthenticatedCharge {
    pub(super) fn grow(&mut self, more: usize) -> Result<(), Evicted> {
        self.bytes += more;
        self.slot.slots.hold(self.slot.number, more)
    }
}

impl Drop for UnauthenticatedCharge {
    fn drop(&mut self) {
        self.slot.slots.release(self.slot.number, self.bytes);
    }
}
