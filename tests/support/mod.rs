//! What the tests share: a real Postgres server, a database for each test, a running service, and a
//! client that sends exactly the bytes it is told to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "each test crate uses a part of it")]

pub mod app;
pub mod client;
pub mod postgres;
pub mod process;
pub mod proxy;

use std::future::Future;
use std::time::{Duration, Instant};

/// Asks until the answer is yes, for at most 30 seconds: for what happens in another process.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "still not so after 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
