//! The part of this room that benchmarks reach. Nothing else may.

use crate::domain::Event;

/// Splits what is waiting into the events, and their tags, that would share the next commit.
pub fn take_batch<T>(waiting: &mut impl Iterator<Item = (Event, T)>) -> (Vec<Event>, Vec<T>) {
    let super::batch::Batch { events, tags } = super::batch::Batch::take(waiting);
    (events, tags)
}
