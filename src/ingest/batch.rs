//! Events that are made durable together.

use crate::domain::Event;

/// A batch takes no more events once they weigh this much, in bytes: a batch of large messages has to
/// commit in time like any other.
const MAX_WEIGHT: usize = 4 * 1024 * 1024;

/// Events and, in the same order, a tag for each: where to send its answer, for example.
#[derive(Debug)]
pub(super) struct Batch<T> {
    pub(super) events: Vec<Event>,
    pub(super) tags: Vec<T>,
}

impl<T> Batch<T> {
    /// Takes as many events as may share a commit: at least one, if any is waiting.
    pub(super) fn take(waiting: &mut impl Iterator<Item = (Event, T)>) -> Self {
        let (at_least, _) = waiting.size_hint();
        let mut batch =
            Self { events: Vec::with_capacity(at_least), tags: Vec::with_capacity(at_least) };
        let mut weight = 0;
        while weight < MAX_WEIGHT
            && let Some((event, tag)) = waiting.next()
        {
            weight += event.weight();
            batch.events.push(event);
            batch.tags.push(tag);
        }
        batch
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }
}
