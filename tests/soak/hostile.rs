//! What an attack costs the gateway: latencies of its callbacks while others hold slow connections and
//! guess passwords, compared with quiet rounds.
//!
//! `make bench-hostile`, with `ROUNDS`, `SECONDS`, `RATE` (callbacks a second), `HELD` (slow
//! connections) and `GUESSES` (a second) in the environment. All rates are fixed, so that the load
//! generator does not take more of the machine than is said; latency counts from when a callback was due.

use std::net::SocketAddr;
use std::time::Duration;

use simulator::{Pace, RunSummary};
use testkit::client::get;
use testkit::configuration::environment;
use testkit::load::{Load, MIXED};
use testkit::postgres::TestDatabase;
use testkit::process::ServiceProcess;
use testkit::processes::Processes;
use testkit::service::until_callbacks_go_to;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::number;

/// The gateway's senders: half of them keep their connection, half make one for each callback.
const SENDERS: u32 = 16;

/// Connections that guess at a time.
const GUESSERS: u64 = 8;

/// How long a holder waits before it reconnects.
const HOLDER_PAUSE: Duration = Duration::from_millis(500);

pub async fn run() {
    let (rounds, seconds) = (number("ROUNDS", 4), number("SECONDS", 5));
    let (rate, held, guesses) =
        (number("RATE", 500), number("HELD", 2_000), number("GUESSES", 2_000));
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    until_callbacks_go_to("Postgres", service.admin).await;
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
    callbacks: u64,
    lost: u64,
    repeated: u64,
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

/// The gateway's own traffic for a while: the latencies of those whose connections fared worse.
async fn callbacks(to: SocketAddr, rate: u64, seconds: u64) -> Measured {
    let pace = Pace::Open { rate: u32::try_from(rate).unwrap(), connections: SENDERS };
    let load = Load::start(to, pace, &MIXED, Some(Duration::from_secs(seconds)));
    let runs = load.end().await.runs;
    let sum = |of: fn(&RunSummary) -> u64| runs.iter().map(|(_, summary)| of(summary)).sum();
    let worse = |percentile| {
        let latency = |summary: &RunSummary| summary.latency(percentile).as_secs_f64() * 1e3;
        runs.iter().map(|(_, summary)| latency(summary)).fold(0.0, f64::max)
    };
    Measured {
        callbacks: sum(RunSummary::sent),
        lost: sum(|summary| summary.lost + summary.unsent),
        repeated: sum(|summary| summary.attempts() - summary.sent()),
        p50: worse(50.0),
        p99: worse(99.0),
    }
}

/// Starts the attack, which ends when the returned value is dropped.
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

/// Sends a head as slowly as the service allows, and reconnects when it is closed.
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
        // Limits the load of the holders themselves.
        sleep(HOLDER_PAUSE).await;
    }
}

/// Guesses tokens at a fixed rate, each from the next address and on its own connection.
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

fn cpu_seconds(process: u32) -> f64 {
    Processes::now().cpu_alone(process)
}

fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
