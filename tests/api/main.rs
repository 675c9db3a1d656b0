//! What arrives over a real socket, what is answered, and what is stored in a real Postgres.

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
mod authentication;
mod crowds;
mod delivery_reports;
mod inbound_messages;
mod ingest;
mod limits;
mod memory;
mod metrics;
mod outages;
mod smuggling;
mod sources;
