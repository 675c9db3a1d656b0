//! Untrusted bytes become events. Everything here is total: no input makes it fail or panic, or
//! allocate more than a small multiple of the input's length.

mod body;
mod callback;
mod delivery_report;
mod documented;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hex;
mod inbound_message;
mod json;
mod kept;
mod multipart;
mod names;
pub mod params;
mod percent;
mod report_path;
pub mod text;

pub use body::{BodyType, UnreadableBody};
pub use callback::{parse, parse_rejected};
pub use inbound_message::decode_message;
pub use report_path::ReportPath;

/// The callback is neither a report nor a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The first missing parameter, as the gateway's document spells it.
    #[error("parameter '{0}' is missing")]
    Missing(&'static str),
    #[error(transparent)]
    Unreadable(#[from] UnreadableBody),
}
