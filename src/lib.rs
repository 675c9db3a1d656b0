//! `routo-receiver`: takes the callbacks of an SMS gateway and loses none.
//!
//! ```text
//!  gateway ──HTTP──▶ http ──▶ wire ──▶ domain ──▶ ingest ──▶ store ──▶ Postgres ◀── SQL users
//!                             bytes    events     │   ▲      SQL
//!                           → events              ▼   │ drain
//!                                                 spool
//! ```
//!
//! - [`http`]: requests and responses, limits, authentication.
//! - [`wire`]: untrusted bytes into the events of [`domain`].
//! - [`ingest`]: makes events durable, in [`store`] or, while Postgres is unavailable, in [`spool`], and gives
//!   out the receipts without which nothing is answered 200.
//! - [`service`]: the composition root, which builds all of this from validated [`config`].
//! - [`commands`]: the command line, one file or folder for each command.
//!
//! Rooms import along the arrows, never back; a test holds them to that. docs/architecture.md has more.

pub mod accounts;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod domain;
pub mod error_chain;
pub mod escaped;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod http;
pub mod ingest;
pub mod log_once;
pub mod memory;
pub mod metrics;
pub mod service;
pub mod signals;
pub mod spool;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod wire;
