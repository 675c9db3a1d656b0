//! A closed loop of HTTP requests over keep-alive connections, and what it measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::app::{LOGIN, TOKEN};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Load {
    Livez,
    Reports,
    /// Reports whose ids and numbers come in no order, as those of many senders do.
    ScatteredReports,
    Messages,
}

pub struct Measured {
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
}

/// The run with the middle rate.
pub fn median(measured: &[Measured]) -> &Measured {
    let mut sorted: Vec<&Measured> = measured.iter().collect();
    sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    sorted[sorted.len() / 2]
}

/// A closed loop: every connection sends its next request when the last was answered.
pub async fn run(to: SocketAddr, load: Load, connections: u64, seconds: u64) -> Measured {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(to).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut latencies = Vec::new();
                let mut answer = vec![0; 4096];
                while !stop.load(Ordering::Relaxed) {
                    let request = request(load, SERIAL.fetch_add(1, Ordering::Relaxed));
                    let sent = Instant::now();
                    stream.write_all(request.as_bytes()).await.unwrap();
                    let mut filled = 0;
                    while !answer[..filled].ends_with(b"\r\n\r\nOK") {
                        let read = stream.read(&mut answer[filled..]).await.unwrap();
                        assert!(read > 0, "closed: {}", String::from_utf8_lossy(&answer[..filled]));
                        filled += read;
                        assert!(filled < 1024, "{}", String::from_utf8_lossy(&answer[..filled]));
                    }
                    assert!(answer.starts_with(b"HTTP/1.1 200"));
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await.unwrap());
    }
    let elapsed = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    let count = u32::try_from(latencies.len()).unwrap();
    Measured { rate: f64::from(count) / elapsed, p50: percentile(50), p99: percentile(99) }
}

fn request(load: Load, serial: u64) -> String {
    let target = match load {
        Load::Livez => "/livez".to_owned(),
        Load::Reports => format!(
            "/delivery-reports/{TOKEN}?mess_id=bench-{serial:012}&status=0&number=44{serial:010}"
        ),
        Load::ScatteredReports => {
            // Fibonacci hashing: each serial number once, far from its neighbours.
            let scattered = serial.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            format!(
                "/delivery-reports/{TOKEN}?mess_id={scattered:020}&status=0&number=44{:010}",
                scattered % 10_000_000_000
            )
        }
        Load::Messages => format!(
            "/inbound-messages?{LOGIN}&dcs=0&org=44{serial:010}&dest=447000000000&message=Hello+number+{serial}"
        ),
    };
    format!("GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n")
}
