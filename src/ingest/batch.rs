//! Facts that are made durable together, each with what its maker needs once it is.

use crate::domain::Event;

/// Once a batch weighs this much, in bytes, nothing is added to it: a batch of large messages must
/// be committed in time like any other.
const MAX_WEIGHT: usize = 4 * 1024 * 1024;

/// Facts and, at the same places, whatever belongs to each: where to send its answer, say.
#[derive(Debug)]
pub(super) struct Batch<T> {
    pub(super) events: Vec<Event>,
    pub(super) tags: Vec<T>,
}

impl<T> Batch<T> {
    /// Takes as many as may share a commit, at least one if there is one.
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

    /// Takes the second half off.
    pub(super) fn split_half(&mut self) -> Self {
        let middle = self.len() / 2;
        Self { events: self.events.split_off(middle), tags: self.tags.split_off(middle) }
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.events.append(&mut other.events);
        self.tags.append(&mut other.tags);
    }
}
