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
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::log_once::RateLimitedLog;
use crate::metrics::ListenerMetrics;

use super::slot::{Evicted, Slot};

/// The maximum number of slots that are compared to find the one that has waited longest.
const SCAN: usize = 4096;

/// Connections that read on after an early answer at a time; the others close at once.
const MAX_LINGERING: usize = 32;

/// `evictable_from`: a request is being answered, or the slot is free.
pub(super) const NEVER: u64 = u64::MAX;

/// `evictable_from`: the connection has to close.
pub(super) const EVICTED: u64 = u64::MAX - 1;

/// All slots of a listener.
pub(super) struct Slots {
    opened: Instant,
    free: Arc<Semaphore>,
    /// For connections that linger: each keeps the buffers of its request.
    pub(super) lingering: Arc<Semaphore>,
    /// Invariant: at least as many as `free` has permits.
    pub(super) free_numbers: Mutex<Vec<usize>>,
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
pub(super) struct State {
    /// Milliseconds since `opened`, or `NEVER`, or `EVICTED`.
    pub(super) evictable_from: AtomicU64,
    /// Wakes the connection when it is evicted.
    pub(super) evicted: Notify,
    /// Bytes charged to it.
    pub(super) held: AtomicUsize,
    /// The value of `Slots::reads` when the connection last sent bytes; kept only while it holds memory.
    pub(super) last_read: AtomicU64,
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
            lingering: Arc::new(Semaphore::new(MAX_LINGERING)),
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
    pub(super) fn hold(&self, number: usize, bytes: usize) -> Result<(), Evicted> {
        self.stamp(number);
        self.state(number).held.fetch_add(bytes, Ordering::Relaxed);
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.metrics.unauthenticated_bytes_changed(bytes.cast_signed() as i64);
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
    pub(super) fn stamp(&self, number: usize) {
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        self.state(number).last_read.store(read, Ordering::Relaxed);
    }

    /// Gives back at most so many of the bytes that are charged to a slot.
    pub(super) fn release(&self, number: usize, bytes: usize) {
        let rest = |held: usize| Some(held.saturating_sub(bytes));
        let held = &self.state(number).held;
        if let Ok(before) = held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest) {
            let released = before.min(bytes);
            self.held.fetch_sub(released, Ordering::Relaxed);
            self.metrics.unauthenticated_bytes_changed(-(released.cast_signed() as i64));
        }
    }

    fn log_closed_for_memory(&self) {
        self.metrics.closed_for_memory();
        if let Some(connections) = self.closed_for_memory.record(self.opened.elapsed()) {
            tracing::warn!(
                limit_bytes = self.memory_limit,
                connections,
                "requests without valid credentials hold too much memory: the connections that have waited longest are closed; raise http.max_buffered_bytes if they are the gateway's"
            );
        }
    }

    fn occupy(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Option<Slot> {
        let number = self.free_numbers.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Slot::new(number, Arc::clone(self), permit))
    }

    #[expect(clippy::indexing_slicing, reason = "slots are never added or removed")]
    pub(super) fn state(&self, number: usize) -> &State {
        &self.states[number]
    }

    pub(super) fn change(&self, number: usize, change: impl FnMut(u64) -> Option<u64>) -> bool {
        let from = &self.state(number).evictable_from;
        from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }

    pub(super) fn now(&self) -> u64 {
        let elapsed = self.opened.elapsed().as_millis();
        u64::try_from(elapsed).expect("a process runs for less than 500 million years")
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
