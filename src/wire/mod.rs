//! Untrusted bytes become facts. Everything here is total: no input is an error of ours, panics, or
//! allocates more than a small multiple of its own length.

pub mod delivery_report;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod inbound_message;
pub mod params;
pub mod text;

/// The callback lacks a parameter without which it is no report and no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parameter '{parameter}' is missing")]
pub struct Unusable {
    /// The name of the first parameter that is missing, as the gateway's document spells it.
    pub parameter: &'static str,
}
