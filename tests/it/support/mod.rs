//! What the tests share: the testkit's, and of the library a service in this process and its store.

pub mod app;
pub mod store;

pub use testkit::{
    client, eventually, goes_to_postgres, metrics, postgres, process, proxy, scratch,
};
