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
pub mod metrics;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod store;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Asks until the answer is yes, for at most 30 seconds: for what happens in another process.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "still not so after 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the service would put a callback into Postgres now.
pub async fn goes_to_postgres(http: SocketAddr) -> bool {
    let answer = client::send(http, client::get("/readyz")).await;
    answer.status == 200 && answer.body == "OK: callbacks go to Postgres"
}

/// A name in a directory that is removed when this process has ended, however it ends: a shell waits
/// for that.
pub fn scratch(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    static NAMES: AtomicU32 = AtomicU32::new(0);
    let directory = DIRECTORY.get_or_init(|| {
        let directory =
            tempfile::Builder::new().prefix("routo-receiver-test-").tempdir().unwrap().keep();
        let sweeper = Command::new("sh")
            .args(["-c", "cat; until rm -rf \"$0\" 2>/dev/null; do sleep 0.1; done"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Its standard input closes when this process ends.
        std::mem::forget(sweeper);
        directory
    });
    directory.join(format!("{name}-{}", NAMES.fetch_add(1, Ordering::Relaxed)))
}
