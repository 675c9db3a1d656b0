//! What the log is told of a queue that is full: one line when it is, one when it is empty again.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether callbacks are turned away because too many wait.
#[derive(Debug, Default)]
pub(super) struct Overload(AtomicBool);

impl Overload {
    /// There was no place for a callback in a queue of so many.
    pub(super) fn begin(&self, capacity: usize) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                capacity,
                "too many callbacks wait to be stored: more are answered 503; if the database keeps up otherwise, raise ingest.queue_capacity"
            );
        }
    }

    /// Nothing waits any more.
    pub(super) fn end(&self) {
        if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
            tracing::info!("no callbacks wait any more: all are taken again");
        }
    }
}
