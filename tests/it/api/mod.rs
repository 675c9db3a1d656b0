//! Requests over a real socket, their responses, and the rows in a real Postgres.

mod attacks;
mod authentication;
mod bodies;
mod crowds;
mod databases;
mod delivery_reports;
mod dropped_rows;
mod early_answers;
mod inbound_messages;
mod ingest;
mod limits;
mod memory;
mod metrics;
mod outages;
mod partitions;
mod proxies;
mod reported_inputs;
mod smuggling;
mod sources;
mod urls;
