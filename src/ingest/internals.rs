//! What benchmarks reach of this room, and nothing else may.

use crate::domain::Event;

/// The facts, and what belongs to each, that would be committed together of those that wait.
pub fn take_batch<T>(waiting: &mut impl Iterator<Item = (Event, T)>) -> (Vec<Event>, Vec<T>) {
    let super::batch::Batch { events, tags } = super::batch::Batch::take(waiting);
    (events, tags)
}
