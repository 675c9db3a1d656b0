//! The slots for connections, and which connection is closed when slots or memory run out: the one that
//! has waited longest for its client. Never one whose request is complete.
//!
//! A client that holds connections open without using them therefore cannot keep others out. Each slot
//! has an atomic number, the time from which its connection may be closed; the numbers of other slots
//! are read only when all slots are taken. Memory that a connection holds before its request is
//! authenticated is charged to its slot; when all of it together exceeds the limit, connections that
//! hold some are closed, in the order in which they last sent bytes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::log_once::RateLimitedLog;
use crate::metrics::ListenerMetrics;

/// How long a connection is safe after it was accepted, was answered, or sent a head with a body to
/// come. Clients send at once, so this can be short; and the shorter it is, the faster strangers may
/// connect without keeping others out. After that, the connection that has waited longest goes first.
const GRACE: Duration = Duration::from_millis(50);

/// The maximum number of slots that are compared to find the one that has waited longest.
const SCAN: usize = 4096;

/// The memory of a head that is not charged, in bytes: about what a connection takes in any case.
const FREE_HEAD: usize = 8 * 1024;

/// `evictable_from`: a request is being answered, or the slot is free.
const NEVER: u64 = u64::MAX;

/// `evictable_from`: the connection has to close.
const EVICTED: u64 = u64::MAX - 1;

/// `head_bytes`: what is read belongs to no head.
const IN_REQUEST: usize = usize::MAX;

/// All slots of a listener.
pub(super) struct Slots {
    opened: Instant,
    free: Arc<Semaphore>,
    /// Invariant: at least as many as `free` has permits.
    free_numbers: Mutex<Vec<usize>>,
    states: Box<[State]>,
    /// Where the next scan begins.
    scan_from: AtomicUsize,
    /// Bytes that may be held for requests that have not authenticated.
    memory_limit: usize,
    /// Invariant: the sum of all `State::held`.
    held: AtomicUsize,
    /// Counts reads of connections that hold memory: the order in which they last sent bytes.
    reads: AtomicU64,
    closed_for_memory: RateLimitedLog,
    metrics: ListenerMetrics,
}

/// What other connections may see and change of a slot.
struct State {
    /// Milliseconds since `opened`, or `NEVER`, or `EVICTED`.
    evictable_from: AtomicU64,
    /// Wakes the connection when it is evicted.
    evicted: Notify,
    /// Bytes charged to it.
    held: AtomicUsize,
    /// The value of `Slots::reads` when the connection last sent bytes; kept only while it holds memory.
    last_read: AtomicU64,
}

impl Slots {
    pub(super) fn new(limit: usize, memory_limit: usize, metrics: ListenerMetrics) -> Arc<Self> {
        let state = |_| State {
            evictable_from: AtomicU64::new(NEVER),
            evicted: Notify::new(),
            held: AtomicUsize::new(0),
            last_read: AtomicU64::new(0),
        };
        Arc::new(Self {
            opened: Instant::now(),
            free: Arc::new(Semaphore::new(limit)),
            free_numbers: Mutex::new((0..limit).collect()),
            states: (0..limit).map(state).collect(),
            scan_from: AtomicUsize::new(0),
            memory_limit,
            held: AtomicUsize::new(0),
            reads: AtomicU64::new(0),
            closed_for_memory: RateLimitedLog::default(),
            metrics,
        })
    }

    /// A slot, if one is free.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Slot> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        self.occupy(permit)
    }

    /// The next slot that becomes free, first come, first served.
    pub(super) async fn take(self: Arc<Self>) -> Option<Slot> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        self.occupy(permit)
    }

    /// Evicts the connection that has waited longest; its slot becomes free in a moment. False if all
    /// are being answered, or have only just come.
    pub(super) fn make_room(&self) -> bool {
        let now = self.now();
        let waiting_since = |state: &State| {
            let from = state.evictable_from.load(Ordering::Relaxed);
            (from <= now).then_some(from)
        };
        // One scan does: if the connections that it sees are all safe, most of the others are, too.
        while let Some((number, from)) = self.scan(waiting_since) {
            // If this fails, its request has come meanwhile.
            if self.evict(number, |found| found == from) {
                return true;
            }
        }
        false
    }

    /// Evicts the connection that has waited longest for bytes among those that hold memory, except one.
    fn free_memory(&self, except: usize) -> bool {
        let last_read = |state: &State| {
            let is_waiting = state.evictable_from.load(Ordering::Relaxed) < EVICTED;
            let holds = state.held.load(Ordering::Relaxed) > 0;
            (is_waiting && holds).then(|| state.last_read.load(Ordering::Relaxed))
        };
        let scans = self.states.len().div_ceil(SCAN);
        for _ in 0..=scans {
            let found = self.scan(|state| {
                last_read(state).filter(|_| !std::ptr::eq(state, self.state(except)))
            });
            if let Some((number, _)) = found
                && self.evict(number, |found| found < EVICTED)
            {
                return true;
            }
        }
        false
    }

    /// The slot with the least number among the next `SCAN`.
    fn scan(&self, order: impl Fn(&State) -> Option<u64>) -> Option<(usize, u64)> {
        let all = self.states.len();
        let count = all.min(SCAN);
        let first = self.scan_from.fetch_add(count, Ordering::Relaxed);
        (0..count)
            .map(|step| first.wrapping_add(step) % all)
            .filter_map(|number| Some((number, order(self.state(number))?)))
            .min_by_key(|(_, order)| *order)
    }

    fn evict(&self, number: usize, may_close: impl Fn(u64) -> bool) -> bool {
        let evicted = self.change(number, |from| may_close(from).then_some(EVICTED));
        if evicted {
            // Its memory is free once its task has run, which is soon.
            self.release(number, usize::MAX);
            self.state(number).evicted.notify_one();
        }
        evicted
    }

    /// Charges bytes to a slot. When there is no memory left, other connections are closed, or, if none
    /// can be, this one.
    fn hold(&self, number: usize, bytes: usize) -> Result<(), Evicted> {
        self.stamp(number);
        self.state(number).held.fetch_add(bytes, Ordering::Relaxed);
        self.held.fetch_add(bytes, Ordering::Relaxed);
        while self.held.load(Ordering::Relaxed) > self.memory_limit {
            self.log_closed_for_memory();
            if !self.free_memory(number) {
                self.evict(number, |_| true);
                return Err(Evicted);
            }
        }
        Ok(())
    }

    /// Marks a connection as the one that has sent bytes last.
    fn stamp(&self, number: usize) {
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        self.state(number).last_read.store(read, Ordering::Relaxed);
    }

    /// Gives back at most so many of the bytes that are charged to a slot.
    fn release(&self, number: usize, bytes: usize) {
        let rest = |held: usize| Some(held.saturating_sub(bytes));
        let held = &self.state(number).held;
        if let Ok(before) = held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest) {
            self.held.fetch_sub(before.min(bytes), Ordering::Relaxed);
        }
    }

    fn log_closed_for_memory(&self) {
        self.metrics.closed_for_memory();
        if let Some(connections) = self.closed_for_memory.record(self.opened.elapsed()) {
            tracing::warn!(
                limit_bytes = self.memory_limit,
                connections,
                "requests without right credentials hold too much memory: the connections that have waited longest are closed; raise http.max_buffered_bytes if they are the gateway's"
            );
        }
    }

    fn occupy(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Option<Slot> {
        let number = self.free_numbers.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let head_bytes = AtomicUsize::new(0);
        let slot = Slot { number, slots: Arc::clone(self), head_bytes, _permit: permit };
        slot.waits();
        Some(slot)
    }

    #[expect(clippy::indexing_slicing, reason = "slots are never added or removed")]
    fn state(&self, number: usize) -> &State {
        &self.states[number]
    }

    fn change(&self, number: usize, change: impl FnMut(u64) -> Option<u64>) -> bool {
        let from = &self.state(number).evictable_from;
        from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(EVICTED - 1)
    }
}

/// The slot of a connection; free again when dropped.
pub(super) struct Slot {
    number: usize,
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

    /// The request has been read, whole. False if the connection has to close.
    pub(super) fn request_is_complete(&self) -> bool {
        self.set_evictable_from(NEVER)
    }

    fn waits(&self) -> bool {
        let grace = u64::try_from(GRACE.as_millis()).unwrap_or_default();
        self.set_evictable_from(self.slots.now().saturating_add(grace))
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

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
