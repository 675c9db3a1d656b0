//! What the server knows of a request before any of it is parsed further.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::domain::EventKey;

use super::slot::UnauthenticatedMemory;

/// The response header with the id of the request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// When and from where a request came. The server puts it into every request's extensions.
#[derive(Clone)]
pub(super) struct Arrival {
    /// Id and time of the row that the request becomes. The response names the same id.
    pub(super) key: EventKey,
    /// When its head had been read.
    pub(super) at: Instant,
    /// The remote address of the connection.
    pub(super) peer: IpAddr,
    /// For the request until it is authenticated.
    pub(super) memory: UnauthenticatedMemory,
}

/// An id as the value of [`REQUEST_ID`].
pub(super) fn request_id(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text))
        .expect("digits and hyphens are a header value")
}
