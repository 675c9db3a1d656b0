//! The composition root: the one room that sees all others and puts them together.

mod commands;
mod encodings;
mod error;
mod escaped;
mod figures;
mod redecode;
mod rejected;
mod service;
mod simulate;
mod sockets;
mod spool_commands;

pub use commands::run;
pub use error::AppError;
pub use service::Service;
pub use simulate::SimulateError;
