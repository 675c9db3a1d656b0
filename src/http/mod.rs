//! Requests and answers. Knows neither SQL nor the spool: a fact goes to ingest, and without
//! ingest's receipt no callback is answered 200.

mod answer;
pub mod auth;
mod callback;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod request_line;
mod router;
mod routes;
mod server;
mod socket;

pub use router::{CallbackState, admin_router, public_router};
pub use server::{ConnectionLimits, serve};
