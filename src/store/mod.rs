//! Every line of SQL that the service runs. Knows events and Postgres, not where events come from.

mod charset_label;
mod connection;
mod database;
mod delivery_reports;
mod error;
mod inbound_messages;
mod isolation;
mod migrate;
mod partitions;
mod probe_events;
mod redecode;
mod rejected_callbacks;
mod rejected_inserts;
pub mod rejected_request;
mod retention;

mod simulated;
mod timeouts;
pub mod upkeep;
mod writer;

pub use charset_label::{charset_label, charset_labels, charset_of_label};
pub use connection::Connection;
pub use database::Database;
pub use error::{InsertError, StoreError};
pub use isolation::Isolation;
pub use partitions::{PartitionPlan, PartitionWidth};
pub use redecode::{MessageFilter, StoredMessage, StoredMessages, UpdateOutcome};
pub use rejected_callbacks::{RejectedFilter, StoredRejected, StoredRejections};
pub use retention::Retention;
pub use simulated::{SimulatedMessage, SimulatedReport, SimulatedRows};
pub use writer::{OnConflict, Writer};
