//! A load generator for measuring speed: one thread drives all connections, because it shares the cores
//! with what it measures. It knows no more of a response than whether it is 200; `load` is for proofs.

mod clients;
mod request;
mod throughput;

use std::net::SocketAddr;
use std::time::Duration;

pub use clients::Clients;
pub use request::{Request, Requests};
pub use throughput::Throughput;

/// How long a load runs before it is measured.
pub const WARM_UP: Duration = Duration::from_millis(300);

/// A closed loop of so many connections, after a warm-up, for callers that need nothing else.
pub async fn closed_loop(
    to: SocketAddr,
    requests: Requests,
    connections: usize,
    seconds: u64,
) -> Throughput {
    let running = tokio::task::spawn_blocking(move || {
        let mut clients = Clients::connect(to, &Request::of(requests), connections);
        clients.closed_loop(WARM_UP);
        clients.closed_loop(Duration::from_secs(seconds))
    });
    running.await.unwrap()
}

/// The outcome with the middle rate.
pub fn median(outcomes: &[Throughput]) -> &Throughput {
    let mut sorted: Vec<&Throughput> = outcomes.iter().collect();
    sorted.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    sorted[sorted.len() / 2]
}
