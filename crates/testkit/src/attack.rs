//! Clients that try to have the service killed for its memory.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

/// More than `http.max_connections`.
const ALL_CONNECTIONS: usize = 2_100;

/// How long an attack lasts.
const DURATION: Duration = Duration::from_secs(1);

/// What each connection of an attack sends: `head`, then `tail` so many times, each by itself. Half of
/// the connections use each target.
pub struct Attack {
    pub name: &'static str,
    connections: usize,
    head: fn(&str) -> String,
    tail: Vec<u8>,
    times: usize,
}

/// Each with ten times the load that once had the service killed, or with as many connections as it accepts.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "one-byte packets",
            connections: 400,
            head: |target| post(target, "Content-Length: 262144"),
            tail: b"a".to_vec(),
            times: 262_144,
        },
        Attack {
            name: "chunks of one byte",
            connections: 400,
            head: |target| post(target, "Transfer-Encoding: chunked"),
            tail: b"1\r\na\r\n".to_vec(),
            times: 262_144,
        },
        Attack {
            name: "large bodies",
            connections: ALL_CONNECTIONS,
            head: |target| post(target, "Content-Length: 262144"),
            tail: vec![b'a'; 32 * 1024],
            times: 8,
        },
        Attack {
            name: "large bodies that never end",
            connections: ALL_CONNECTIONS,
            head: |target| post(target, "Transfer-Encoding: chunked"),
            tail: [b"7000\r\n", vec![b'a'; 0x7000].as_slice(), b"\r\n"].concat(),
            times: 2,
        },
        Attack {
            name: "many headers, and a body that never ends",
            connections: ALL_CONNECTIONS,
            head: |target| {
                post(target, &format!("Content-Length: 9\r\n{}X: y", "X: y\r\n".repeat(90)))
            },
            tail: b"user=a&".to_vec(),
            times: 1,
        },
        Attack {
            name: "large heads that never end",
            connections: ALL_CONNECTIONS,
            head: |target| format!("GET {target} HTTP/1.1\r\n"),
            tail: [b"X: ", vec![b'a'; 8_000].as_slice(), b"\r\n"].concat(),
            times: 7,
        },
        Attack {
            name: "large request lines that never end",
            connections: ALL_CONNECTIONS,
            head: |target| format!("GET {target}?x="),
            tail: vec![b'a'; 8_000],
            times: 7,
        },
        Attack {
            name: "pipelined requests",
            connections: 400,
            head: |target| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(100),
            tail: b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100),
            times: 50,
        },
    ]
}

fn post(target: &str, headers: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n")
}

impl Attack {
    /// Attacks with all connections at once.
    pub async fn run(&self, targets: &[&str; 2], to: SocketAddr) {
        let end = Instant::now() + DURATION;
        let mut clients = JoinSet::new();
        for number in 0..self.connections {
            let head = (self.head)(targets[number % 2]);
            let (tail, times) = (self.tail.clone(), self.times);
            clients.spawn(async move {
                let sending = async {
                    let mut stream = TcpStream::connect(to).await?;
                    stream.set_nodelay(true)?;
                    stream.write_all(head.as_bytes()).await?;
                    for _ in 0..times {
                        stream.write_all(&tail).await?;
                    }
                    sleep_until(end).await;
                    std::io::Result::Ok(())
                };
                // The service closes most of them.
                let _ = timeout_at(end, sending).await;
            });
        }
        clients.join_all().await;
    }
}
