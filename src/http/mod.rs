//! The HTTP transport: connections, limits, authentication, answers. Submits events to ingest; without a
//! receipt from ingest, no callback is answered 200.

mod access_policy;
mod answer;
mod arrival;
mod basic_auth;
mod callback;
mod connection;
mod connection_log;
mod failures;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod other_protocol;
mod read_deadline;
mod request_body;
mod request_head;
mod request_line;
mod router;
mod routes;
mod server;
mod slot;
mod slots;
mod socket;
mod sources;
mod target;
mod tls_connection;

pub use access_policy::AccessPolicy;
pub use router::{CallbackState, Routes, admin_router, public_router};
pub use server::{ConnectionLimits, Endpoint, serve};
