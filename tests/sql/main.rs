//! The SQL surface: tables, views and functions that users rely on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod claiming;
mod claiming_together;
mod documentation;
mod findings;
mod following_reports;
mod inbox;
mod indexes;
mod message_status;
mod migrations;
mod notifications;
mod owning_nothing;
mod partitions;
mod retention;
mod roles;
mod rows;
mod schema;
mod summaries;
mod timeouts;
