//! The SQL surface: tables, views and functions that users rely on.

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
