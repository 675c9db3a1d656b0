//! What the server knows of a request when it arrives, before anything of it is understood.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::domain::EventKey;

use super::slots::UnauthenticatedMemory;

/// The header of every answer that tells by which id the request is known.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// When and from where a request came. The server puts it into every request's extensions.
#[derive(Clone)]
pub(super) struct Arrival {
    /// Identity and time, given here at the edge: whatever becomes of the request, the row that it
    /// makes has them, and the answer names the same id.
    pub(super) key: EventKey,
    /// When its head had been read.
    pub(super) at: Instant,
    /// The address that the connection came from.
    pub(super) peer: IpAddr,
    /// What the request may take before it has authenticated.
    pub(super) memory: UnauthenticatedMemory,
}

/// An id as it stands in the answer.
pub(super) fn request_id(id: Uuid) -> Option<HeaderValue> {
    let mut text = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).ok()
}
