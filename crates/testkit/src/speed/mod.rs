//! What is sent to a service to see how fast it is, and what came of it.
//!
//! One thread drives all connections: the generator shares the machine with what it measures, and
//! should take as little of it as it can.

mod clients;
mod outcome;
mod request;

use std::net::SocketAddr;
use std::time::Duration;

pub use clients::Clients;
pub use outcome::Outcome;
pub use request::{Load, Request};

/// How long a load runs before it is measured.
pub const WARM_UP: Duration = Duration::from_millis(300);

/// A closed loop of so many connections, after a warm-up, for callers that need nothing else.
pub async fn closed_loop(to: SocketAddr, load: Load, connections: usize, seconds: u64) -> Outcome {
    let running = tokio::task::spawn_blocking(move || {
        let mut clients = Clients::connect(to, &Request::of(load), connections);
        clients.closed_loop(WARM_UP);
        clients.closed_loop(Duration::from_secs(seconds))
    });
    running.await.unwrap()
}

/// The outcome with the middle rate.
pub fn median(outcomes: &[Outcome]) -> &Outcome {
    let mut sorted: Vec<&Outcome> = outcomes.iter().collect();
    sorted.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    sorted[sorted.len() / 2]
}
