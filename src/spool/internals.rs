//! The part of this room that benchmarks reach. Nothing else may.

use crate::domain::Event;

/// The frame of an event.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    let mut frame = Vec::new();
    super::frame::append(&mut frame, 1, |to| super::record::write_callback(to, event))
        .expect("a benchmark's events are short");
    frame
}
