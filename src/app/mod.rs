//! The composition root: the one room that sees all others and puts them together.

mod commands;
mod error;
mod service;
mod sockets;

pub use commands::run;
pub use error::AppError;
pub use service::Service;
