//! What the memory of the process comes to under attack, and afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, with};
use crate::support::{eventually, goes_to_postgres};

const MIB: u64 = 1024 * 1024;

/// What the whole process may take, in bytes.
const MOST: u64 = 128 * MIB;

/// How long an attack lasts, at most.
const DURATION: Duration = Duration::from_millis(1_500);

/// What each connection of an attack sends: this, then `tail` over and over, in packets of their own.
struct Attack {
    name: &'static str,
    connections: usize,
    head: String,
    tail: Vec<u8>,
    times: usize,
}

fn attacks() -> Vec<Attack> {
    let body = vec![b'a'; 32 * 1024];
    let mut attacks = Vec::new();
    for (who, target) in [
        ("strangers", "/inbound-messages".to_owned()),
        ("a wrong token", "/delivery-reports/wrong".to_owned()),
        ("the right login", format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=m")),
        ("the right token", format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1")),
    ] {
        let post = |more: &str| format!("POST {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n\r\n");
        let whole = "Content-Length: 262144";
        let attack = |what: &str, connections, head, tail: &[u8], times| Attack {
            name: Box::leak(format!("{what} of {who}").into_boxed_str()),
            connections,
            head,
            tail: tail.to_vec(),
            times,
        };
        attacks.extend([
            attack("one-byte packets", 400, post(whole), b"a", 262_144),
            attack(
                "chunks of one byte",
                400,
                post("Transfer-Encoding: chunked"),
                b"1\r\na\r\n",
                262_144,
            ),
            attack("unfinished bodies", 2_200, post("Content-Length: 262145"), &body, 8),
            attack("bodies", 2_200, post(whole), &body, 8),
            attack(
                "small bodies that never end",
                2_200,
                post(&format!("{whole}\r\n{}", "a: b\r\n".repeat(95).trim_end())),
                b"user=a&",
                3,
            ),
            attack(
                "huge heads",
                2_200,
                format!("GET {target} HTTP/1.1\r\n"),
                &[b"X: ".as_slice(), &[b'a'; 8_000], b"\r\n"].concat(),
                7,
            ),
            attack("one huge line", 2_200, format!("GET {target}&x="), &[b'a'; 8_000], 7),
            attack(
                "pipelined requests",
                400,
                String::new(),
                get(&target).repeat(100).as_slice(),
                100,
            ),
        ]);
    }
    attacks
}

/// Runs it, with all connections at once, and holds them until the others are done.
async fn run(attack: &Attack, to: SocketAddr) {
    let until = Instant::now() + DURATION;
    let mut clients = JoinSet::new();
    for _ in 0..attack.connections {
        let (head, tail, times) = (attack.head.clone(), attack.tail.clone(), attack.times);
        clients.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(to).await else { return };
            let _ = stream.set_nodelay(true);
            let sending = async {
                stream.write_all(head.as_bytes()).await?;
                for _ in 0..times {
                    stream.write_all(&tail).await?;
                }
                std::io::Result::Ok(())
            };
            let _ = tokio::time::timeout_at(until, sending).await;
            tokio::time::sleep_until(until).await;
        });
    }
    clients.join_all().await;
}

/// A figure of `/proc/PID/status`, in bytes.
fn figure(service: &ServiceProcess, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() * 1024
}

fn forget_the_peak(service: &ServiceProcess) {
    std::fs::write(format!("/proc/{}/clear_refs", service.id()), "5").unwrap();
}

async fn holds(service: &ServiceProcess) {
    let mut report = String::new();
    for attack in attacks() {
        if !attack.name.contains("right")
            || !(attack.name.contains("bodies") || attack.name.contains("huge"))
        {
            continue;
        }
        forget_the_peak(service);
        let started = Instant::now();
        run(&attack, service.http).await;
        let peak = figure(service, "VmHWM");
        let answer = timeout(
            Duration::from_secs(20),
            send(
                service.http,
                get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1")),
            ),
        );
        let status = answer.await.map(|answer| answer.status);
        report.push_str(&format!(
            "{:>4} MiB peak, {:>4} MiB after, {:?} in {:?}: {}\n",
            peak / MIB,
            figure(service, "VmRSS") / MIB,
            status,
            started.elapsed(),
            attack.name
        ));
        eprintln!("{}", report.lines().last().unwrap());
        if peak > 1000 * MIB {
            eprintln!("too much");
        }
    }
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let m = crate::support::metrics::scrape(service.admin).await;
        eprintln!(
            "{} MiB, queue {:?}",
            figure(service, "VmRSS") / MIB,
            crate::support::metrics::figure(&m, "routo_queue_callbacks")
        );
    }
    let smaps = std::fs::read_to_string(format!("/proc/{}/smaps", service.id())).unwrap();
    let mut head = String::new();
    for line in smaps.lines() {
        if line.contains('-') && line.split(' ').count() > 4 && !line.starts_with("VmFlags") {
            head = line.to_owned();
        }
        if let Some(r) = line.strip_prefix("Rss:") {
            let kb: u64 = r.trim().trim_end_matches(" kB").parse().unwrap();
            if kb > 1024 {
                eprintln!("{kb} {head}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_attack_takes_more_memory_than_allowed_and_it_is_given_back() {
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.http)).await;
    eprintln!("base {} MiB", figure(&service, "VmRSS") / MIB);
    holds(&service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_while_postgres_is_away() {
    let database = "postgres://routo@127.0.0.1:9/routo";
    let service = ServiceProcess::start(&with(
        environment(database),
        &[("ROUTO_INGEST__COMMIT_DEADLINE", "200ms")],
    ))
    .await;
    eventually("ready", || async { send(service.http, get("/readyz")).await.status == 200 }).await;
    eprintln!("base {} MiB", figure(&service, "VmRSS") / MIB);
    holds(&service).await;
}
