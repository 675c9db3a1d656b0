//! The memory of the process under attack, and afterwards. Each attack has ten times the load that once
//! had the service killed, or as many connections as it accepts.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, with};
use crate::support::{eventually, goes_to_postgres};

const MIB: u64 = 1024 * 1024;

/// The limit of the whole process without the pages of its own file, in bytes.
const LIMIT: u64 = 128 * MIB;

/// What the process may keep after the attacks beyond what it had before, in bytes.
const KEPT: u64 = 24 * MIB;

/// More than `http.max_connections`.
const ALL_CONNECTIONS: usize = 2_100;

/// How long an attack lasts.
const DURATION: Duration = Duration::from_secs(1);

const STRANGERS: [&str; 2] = ["/inbound-messages", "/delivery-reports/wrong"];

/// What each connection of an attack sends: `head`, then `tail` so many times, each by itself. Half of
/// the connections use each target.
struct Attack {
    name: &'static str,
    connections: usize,
    head: fn(&str) -> String,
    tail: Vec<u8>,
    times: usize,
}

fn attacks() -> Vec<Attack> {
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

/// Runs an attack with all its connections at once.
async fn run(attack: &Attack, targets: &[&str; 2], to: SocketAddr) {
    let end = Instant::now() + DURATION;
    let mut clients = JoinSet::new();
    for number in 0..attack.connections {
        let head = (attack.head)(targets[number % 2]);
        let (tail, times) = (attack.tail.clone(), attack.times);
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

/// A field of `/proc/PID/status`, in bytes.
fn memory(service: &ServiceProcess, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    value.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

async fn withstands(service: &ServiceProcess, targets: &[&str; 2]) {
    let report = get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"));
    let before = memory(service, "VmRSS");
    for attack in attacks() {
        // From here on, the peak is that of this attack.
        std::fs::write(format!("/proc/{}/clear_refs", service.id()), "5").unwrap();
        run(&attack, targets, service.http).await;
        eventually("a callback is stored", || async {
            send(service.http, &report).await.status == 200
        })
        .await;
        // Pages of the program itself are read from its file and given up when memory is short. This
        // program is built without optimisation: it has several times those of a release.
        let peak = memory(service, "VmHWM") - memory(service, "RssFile");
        assert!(peak <= LIMIT, "{} of {targets:?} took {} MiB", attack.name, peak / MIB);
    }
    eventually("memory is given back", || async { memory(service, "VmRSS") <= before + KEPT })
        .await;
}

async fn withstands_all(service: &ServiceProcess) {
    let by_login = format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=m");
    let by_token = format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1");
    withstands(service, &STRANGERS).await;
    withstands(service, &[&by_login, &by_token]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_attack_takes_more_memory_than_allowed_and_it_is_given_back() {
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    withstands_all(&service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_it_while_postgres_is_away() {
    let nowhere = environment("postgres://routo@127.0.0.1:9/routo");
    let soon = [("ROUTO_INGEST__COMMIT_DEADLINE", "200ms")];
    let service = ServiceProcess::start(&with(nowhere, &soon)).await;
    eventually("ready", || async { send(service.http, get("/readyz")).await.status == 200 }).await;
    withstands_all(&service).await;
}
