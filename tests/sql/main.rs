//! What the people who read the tables rely on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod documentation;
mod index_builds;
mod message_status;
mod migrations;
mod partitions;
mod retention;
mod roles;
mod schema;
mod timeouts;
