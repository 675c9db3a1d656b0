//! The part of this room that benchmarks reach. Nothing else may.

use crate::domain::Event;

/// The record of an event.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    super::record::encode(event).expect("a benchmark's events can be encoded")
}
