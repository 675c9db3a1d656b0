//! What benchmarks reach of this room, and nothing else may.

use crate::domain::Event;

/// A fact as it stands on disk.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    super::record::encode(event).expect("a benchmark's events can be encoded")
}
