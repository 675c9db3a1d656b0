//! The facts: what a callback says, free of HTTP, SQL and files. Imports no other room.

mod account;
mod encoding;

pub use account::{AccountName, InvalidAccountName};
pub use encoding::{Encoding, UnknownEncoding};
