//! What an attack costs the gateway: how long its callbacks take while others hold slow connections and
//! guess passwords, beside the same when it is quiet.
//!
//! `cargo bench --bench hostile`, with `ROUNDS`, `SECONDS`, `RATE` (callbacks a second), `HELD` (slow
//! connections) and `GUESSES` (a second) in the environment. All rates are fixed, so that the load
//! generator does not take more of the machine than is said; latency counts from when a callback was due.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "benchmarks share the support of the tests")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use simulator::{Behaviour, Callback, Gateway};
use support::app::{TOKEN, environment};
use support::client::get;
use support::postgres::TestDatabase;
use support::process::ServiceProcess;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// The gateway's senders: half of them keep their connection, half make one for each callback.
const SENDERS: u64 = 16;

/// Connections that guess at a time.
const GUESSERS: u64 = 8;

/// How long who held a connection waits before making another.
const HOLDER_PAUSE: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rounds, seconds) = (number("ROUNDS", 4), number("SECONDS", 5));
    let (rate, held, guesses) =
        (number("RATE", 500), number("HELD", 2_000), number("GUESSES", 2_000));
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    support::eventually("ready", || support::goes_to_postgres(service.http)).await;
    println!("{rate} callbacks/s; the attack: {held} slow connections, {guesses} guesses/s");
    println!("round    callbacks   lost   repeated      p50      p99   service CPU");
    let (mut quiet, mut attacked) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let before = cpu_seconds(service.id());
        let calm = callbacks(service.http, rate, seconds).await;
        let between = cpu_seconds(service.id());
        let attack = attack(service.http, held, guesses).await;
        let start = cpu_seconds(service.id());
        let hostile = callbacks(service.http, rate, seconds).await;
        let after = cpu_seconds(service.id());
        drop(attack);
        sleep(Duration::from_millis(500)).await;
        // The first round warms up.
        if round > 0 {
            calm.print("quiet", between - before);
            hostile.print("attacked", after - start);
            quiet.push(calm.p99);
            attacked.push(hostile.p99);
            assert_eq!(calm.lost + hostile.lost, 0, "callbacks were lost");
        }
    }
    let (quiet, attacked) = (median(quiet), median(attacked));
    println!("median p99: {:.2} times that of quiet rounds", attacked / quiet);
}

struct Measured {
    callbacks: usize,
    lost: usize,
    repeated: usize,
    p50: f64,
    p99: f64,
}

impl Measured {
    fn print(&self, round: &str, cpu: f64) {
        let Self { callbacks, lost, repeated, p50, p99 } = self;
        println!(
            "{round:<8} {callbacks:>9} {lost:>6} {repeated:>10} {:>8} {:>8} {:>12}",
            format!("{p50:.2}ms"),
            format!("{p99:.2}ms"),
            format!("{cpu:.2}s")
        );
    }
}

/// The gateway's own traffic for a while.
async fn callbacks(to: SocketAddr, rate: u64, seconds: u64) -> Measured {
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(async move {
            let behaviour = Behaviour { keep_alive: sender % 2 == 0, ..Behaviour::default() };
            let mut gateway = Gateway::new(to, behaviour);
            let (mut latencies, mut lost, mut repeated) = (Vec::new(), 0, 0);
            let mut due = Instant::now() + Duration::from_millis(2 * sender);
            let end = due + Duration::from_secs(seconds);
            while due < end {
                tokio::time::sleep_until(due.into()).await;
                let path = format!("/delivery-reports/{TOKEN}");
                let delivery = gateway.deliver(&Callback::report(&path, "m", 0, "1")).await;
                latencies.push(due.elapsed().as_secs_f64() * 1e3);
                lost += usize::from(!delivery.acknowledged());
                repeated += delivery.attempts.len() - 1;
                due += Duration::from_nanos(SENDERS * 1_000_000_000 / rate);
            }
            (latencies, lost, repeated)
        });
    }
    let (mut latencies, mut lost, mut repeated) = (Vec::new(), 0, 0);
    for (more, lost_more, repeated_more) in senders.join_all().await {
        latencies.extend(more);
        lost += lost_more;
        repeated += repeated_more;
    }
    latencies.sort_by(f64::total_cmp);
    let percentile = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    let (p50, p99) = (percentile(50), percentile(99));
    Measured { callbacks: latencies.len(), lost, repeated, p50, p99 }
}

/// The attack, until what this returns is dropped; it is in full swing when this returns.
async fn attack(to: SocketAddr, held: u64, guesses: u64) -> JoinSet<()> {
    let mut attackers = JoinSet::new();
    for number in 0..held {
        attackers.spawn(hold(to, [127, 0, 4, (number % 250) as u8 + 1]));
        if number % 100 == 0 {
            // Not all at once: a full backlog would drop some.
            sleep(Duration::from_millis(20)).await;
        }
    }
    for number in 0..GUESSERS {
        attackers.spawn(guess(to, number, guesses));
    }
    sleep(Duration::from_secs(1)).await;
    attackers
}

/// Sends a head as slowly as it may come, and begins again when it is closed.
async fn hold(to: SocketAddr, source: [u8; 4]) {
    loop {
        let Some(mut stream) = connect(to, source).await else {
            sleep(HOLDER_PAUSE).await;
            continue;
        };
        let mut line = "GET /delivery-reports/x?mess_id=1 HTTP/1.1\r\n";
        while stream.write_all(line.as_bytes()).await.is_ok() {
            line = "X: slow\r\n";
            let closed = stream.readable();
            if tokio::time::timeout(Duration::from_secs(2), closed).await.is_ok() {
                break;
            }
        }
        // However fast it is closed, this holder does not use up the machine.
        sleep(HOLDER_PAUSE).await;
    }
}

/// Guesses tokens at a fixed rate, from an address after the other, each on a connection of its own.
async fn guess(to: SocketAddr, number: u64, guesses: u64) {
    let mut ticks = interval(Duration::from_nanos(GUESSERS * 1_000_000_000 / guesses));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for guessed in 0_u64.. {
        ticks.tick().await;
        let source = [127, 0, 5, (guessed % 250) as u8 + 1];
        let Some(mut stream) = connect(to, source).await else { continue };
        let target = format!("/delivery-reports/{number}-{guessed}?mess_id=1&status=0&number=1");
        let _ = stream.write_all(&get(&target)).await;
        let mut answer = [0; 1024];
        let _ = stream.read(&mut answer).await;
    }
}

async fn connect(to: SocketAddr, source: [u8; 4]) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    // Ports are the system's choice for each pair of addresses.
    socket.set_reuseaddr(true).ok()?;
    socket.bind((source, 0).into()).ok()?;
    socket.connect(to).await.ok()
}

/// The CPU time of a process, user and system.
fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: Vec<f64> = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse().unwrap())
        .collect();
    (ticks[0] + ticks[1]) / 100.0
}

fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
