//! Every line of SQL that the service runs. Knows events and Postgres, not where events come from.

mod charset_label;
mod connection;
mod database;
mod delivery_reports;
mod error;
mod inbound_messages;
mod insert;
mod isolation;
mod location;
mod migrate;
mod partitions;
mod probe_events;
mod psql;
mod redecode;
mod rejected_callbacks;
mod rejected_inserts;
pub mod rejected_request;
mod retention;

mod simulated;
mod simulated_runs;
mod status;
mod timeouts;
mod unsafe_states;
pub mod upkeep;
mod writer;

pub use charset_label::{charset_label, charset_labels, charset_of_label};
pub use connection::Connection;
pub use database::Database;
pub use error::{InsertError, StoreError};
pub use isolation::Isolation;
pub use location::location;
pub use partitions::{PartitionPlan, PartitionWidth};
pub use psql::psql_environment;
pub use redecode::{MessageFilter, StoredMessage, StoredMessages, UpdateOutcome};
pub use rejected_callbacks::{RejectedFilter, StoredRejected, StoredRejections};
pub use retention::Retention;
pub use simulated::{SimulatedMessage, SimulatedRejected, SimulatedReport, SimulatedRows};
pub use simulated_runs::SimulatedRun;
pub use status::{CallbackStatus, DatabaseStatus, LastCallback, StatusReader};
pub use writer::{OnConflict, Writer};
