//! The program as a process: its commands, its signals, its first run, and what it never says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod commands;
mod correcting;
mod first_run;
mod memory;
mod output;
mod redecode;
mod rejected;
mod secrets;
mod signals;
mod simulate;
mod spool;
mod state_changes;
mod versions;
