//! `routo-receiver`: takes an SMS gateway's callbacks and keeps every one.
//!
//! ```text
//!  gateway ──HTTP──▶ http ──▶ wire ──▶ domain ──▶ ingest ──▶ store ──▶ Postgres ◀── SQL users
//!                   limits    bytes    facts     │   ▲        SQL
//!                    auth    → facts             ▼   │
//!                                               spool
//! ```
//!
//! A callback enters at [`http`], which knows requests and answers. [`wire`] turns its bytes into
//! the facts of [`domain`]. [`ingest`] makes the fact durable, through [`store`] or, while Postgres is
//! away, through [`spool`], and gives out the receipt without which nothing is answered 200. Rooms
//! import along the arrows, never back; a test holds them to it. [`app`] puts all of them together,
//! from what [`config`] has validated. [`gateway`] is the other end of the first arrow, played by us in proofs and rehearsals.

pub mod app;
pub mod cli;
pub mod config;
pub mod credentials;
pub mod domain;
pub mod error_chain;
pub mod first_run;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod http;
pub mod ingest;
pub mod log_once;
pub mod memory;
pub mod metrics;
pub mod shutdown;
pub mod spool;
pub mod store;
pub mod telemetry;
pub mod wire;
