//! What tests, soaks and benchmarks share: a private Postgres, the service as a process, a proxy
//! between the two, a load of gateways, and the judge of what was stored.
//!
//! It knows the service as its users do: the program, its environment variables, its ports and its
//! tables. It links nothing of it, so the service's package can depend on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::format_push_string,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    missing_docs,
    reason = "a test that can't go on fails"
)]

pub mod attack;
pub mod client;
pub mod configuration;
pub mod judge;
pub mod load;
pub mod metrics;
pub mod postgres;
pub mod process;
pub mod processes;
pub mod proxy;
pub mod record;
pub mod scratch;
pub mod server;
pub mod service;
pub mod speed;
pub mod tmpfs;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub use scratch::scratch;

/// How long [`eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks until the answer is yes: for what happens in another process.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "still not so after {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the service would put a callback into Postgres now.
pub async fn goes_to_postgres(admin: SocketAddr) -> bool {
    let answer = client::send(admin, client::get("/readyz")).await;
    answer.status == 200 && answer.body == "OK: callbacks go to Postgres"
}
