//! How many durable callbacks a second, beside the same service's own `/livez`, which does the same
//! work but for the database: a ratio that means something on any machine. And the same with Postgres
//! away, and how fast what was spooled is drained.
//!
//! `cargo bench --bench throughput`, with `ROUNDS`, `SECONDS` and `CONNECTIONS` in the environment
//! to change what it does. Load generator, service and Postgres share the machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "benchmarks share the load")]

mod load;
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use load::{Load, Measured, median, run};
use support::app::environment;
use support::postgres::TestDatabase;
use support::process::{ServiceProcess, run as run_program, with};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rounds, seconds) = (number("ROUNDS", 3), number("SECONDS", 4));
    let connections = number("CONNECTIONS", 64);
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    support::eventually("ready", || support::goes_to_postgres(service.http)).await;
    let away = environment("postgres://127.0.0.1:1/away");
    let spooling = ServiceProcess::start(&away).await;
    println!("connections  load       requests/s      p50      p99   of /livez   service RSS");
    let mut livez = Vec::new();
    let mut others = [
        (&service, Load::Reports, "reports", Vec::new()),
        (&service, Load::Messages, "messages", Vec::new()),
        (&spooling, Load::Reports, "spooled", Vec::new()),
    ];
    // Interleaved, so that what else the machine does falls on all of them.
    for _ in 0..rounds {
        livez.push(run(service.http, Load::Livez, connections, seconds).await);
        for (service, load, _, measured) in &mut others {
            measured.push(run(service.http, *load, connections, seconds).await);
        }
    }
    let base = median(&livez);
    print_row(connections, "/livez", base, base.rate, &resident_memory(service.id()));
    for (service, _, name, measured) in &others {
        let memory = resident_memory(service.id());
        print_row(connections, name, median(measured), base.rate, &memory);
    }
    drain(spooling, &with(away, &[("DATABASE_URL", &database.url())])).await;
    let batches = database
        .query(
            "select 'reports' as rows, count(*) as stored, count(*) / count(distinct xmin::text) as in_a_commit
             from delivery_reports
             union all
             select 'messages', count(*), count(*) / count(distinct xmin::text) from inbound_messages",
        )
        .await;
    for batch in batches.as_array().into_iter().flatten() {
        println!(
            "{}: {} stored, {} in a commit",
            batch["rows"], batch["stored"], batch["in_a_commit"]
        );
    }
}

/// How long the callbacks of a spool take into Postgres, when there is no other load.
async fn drain(spooling: ServiceProcess, environment: &[(String, String)]) {
    spooling.signal(rustix::process::Signal::TERM);
    spooling.end().await;
    let began = Instant::now();
    let (code, said, why) = run_program(&["spool", "drain"], environment).await;
    assert_eq!(code, Some(0), "{why}");
    let elapsed = began.elapsed().as_secs_f64();
    let callbacks: f64 = said.split(' ').next().unwrap().parse().unwrap();
    println!("drain: {callbacks} callbacks in {elapsed:.1} s, {:.0}/s", callbacks / elapsed);
}

fn print_row(connections: u64, name: &str, measured: &Measured, base: f64, rss: &str) {
    let Measured { rate, p50, p99 } = measured;
    println!(
        "{connections:>11}  {name:<9} {rate:>11.0} {:>8} {:>8} {:>11.2}   {rss}",
        format!("{:.2}ms", p50.as_secs_f64() * 1e3),
        format!("{:.2}ms", p99.as_secs_f64() * 1e3),
        rate / base
    );
}

fn resident_memory(process: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map_or("?", str::trim).to_owned()
    };
    format!("{} (peak {})", field("VmRSS:"), field("VmHWM:"))
}
