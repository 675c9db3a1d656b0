//! Untrusted bytes become events. Everything here is total: no input makes it fail or panic, or
//! allocate more than a small multiple of the input's length.

mod callback;
mod delivery_report;
mod documented;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hex;
mod inbound_message;
pub mod params;
pub mod text;

pub use callback::{parse, parse_rejected};
pub use inbound_message::encoding;

/// The callback lacks a parameter without which it is neither a report nor a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parameter '{parameter}' is missing")]
pub struct Unusable {
    /// The name of the first missing parameter, as the gateway's document spells it.
    pub parameter: &'static str,
}
