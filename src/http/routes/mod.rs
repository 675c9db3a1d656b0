//! The handlers, one file per route.

pub(super) mod delivery_reports;
pub(super) mod health;
pub(super) mod inbound_messages;
pub(super) mod metrics;
