//! Requests and answers. Knows neither SQL nor the spool: a fact goes to ingest, and without
//! ingest's receipt no callback is answered 200.

mod answer;
mod arrival;
mod auth;
mod callback;
mod crowd;
mod failures;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gate;
mod occasional;
mod places;
mod request_line;
mod router;
mod routes;
mod server;
mod socket;
mod sources;
mod visit;

pub use gate::Gate;
pub use router::{CallbackState, Routes, admin_router, public_router};
pub use server::{ConnectionLimits, serve};
