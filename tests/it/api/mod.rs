//! What arrives over a real socket, what is answered, and what is stored in a real Postgres.

mod attacks;
mod authentication;
mod crowds;
mod delivery_reports;
mod inbound_messages;
mod ingest;
mod limits;
mod metrics;
mod outages;
mod reported_inputs;
mod smuggling;
mod sources;
