//! The embedded Postgres as real processes: started, killed, and started again.

// Clippy's exceptions for tests do not reach the functions around them.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]
#![cfg(target_os = "linux")] // the tests read /proc

mod dying;
mod owner;
mod refusing;
mod root;
mod starting;
mod world;
