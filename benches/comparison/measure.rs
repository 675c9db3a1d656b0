//! One load on one contestant: rates, latencies and cost.

use std::fs;
use std::time::Duration;

use super::contestants::{Contestant, Way, batches};
use testkit::postgres::TestDatabase;
use testkit::processes::Processes;
use testkit::speed::{Clients, Request, Throughput, WARM_UP};

/// The result of one load.
pub struct Measurement {
    pub rate: f64,
    /// p50, p99 and p99.9 of the latencies, in milliseconds.
    pub latencies: [f64; 3],
    /// CPU time per callback of the contestant, of Postgres and of the load generator, in milliseconds.
    pub cpu: [f64; 3],
    /// Bytes of WAL per callback.
    pub wal: f64,
    /// Megabytes; NaN without a process.
    pub memory: f64,
    pub failed: u64,
}

/// Counters that are read before and after a load.
struct Meters {
    cpu: [f64; 3],
    wal: f64,
}

/// The server that all contestants share.
pub struct Postgres {
    /// The postmaster.
    pub id: u32,
    /// A database on it.
    pub database: TestDatabase,
}

impl Postgres {
    pub async fn find() -> Self {
        let database = TestDatabase::create().await;
        let mut connection = database.connect().await;
        let backend: i32 =
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
        let processes = Processes::now();
        let backend = u32::try_from(backend).unwrap();
        Self { id: processes.parent(backend), database }
    }

    async fn wal(&self) -> f64 {
        let wal = self.database.value("select pg_current_wal_insert_lsn() - '0/0' as bytes").await;
        wal.as_f64().unwrap()
    }
}

/// Empties the tables and makes a checkpoint, so that every load begins in the same state.
pub async fn prepare(contestant: &Contestant, postgres: &Postgres) {
    if let Some(database) = &contestant.database {
        database.execute("truncate delivery_reports, inbound_messages").await;
    }
    postgres.database.execute("checkpoint").await;
}

/// A closed loop, after a warm-up.
pub async fn measure(
    contestant: &Contestant,
    postgres: &Postgres,
    connections: usize,
    duration: Duration,
) -> Measurement {
    prepare(contestant, postgres).await;
    let (outcome, before, after) = match &contestant.way {
        Way::Http(address, load) => {
            let (address, request) = (*address, Request::of(*load));
            let mut clients =
                blocking(move || Clients::connect(address, &request, connections)).await;
            let mut clients = blocking(move || {
                clients.closed_loop(WARM_UP);
                clients
            })
            .await;
            forget_peak(contestant);
            let before = Meters::read(contestant, postgres).await;
            let (outcome, open) = blocking(move || {
                let outcome = clients.closed_loop(duration);
                (outcome, clients)
            })
            .await;
            let after = Meters::read(contestant, postgres).await;
            drop(open);
            (outcome, before, after)
        }
        Way::Batches => {
            let mut connection = contestant.database.as_ref().unwrap().connect().await;
            batches::run(&mut connection, connections, WARM_UP).await;
            let before = Meters::read(contestant, postgres).await;
            let outcome = batches::run(&mut connection, connections, duration).await;
            (outcome, before, Meters::read(contestant, postgres).await)
        }
    };
    Measurement::of(&outcome, &before, &after, memory(contestant))
}

/// Runs the load generator on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

impl Measurement {
    fn of(outcome: &Throughput, before: &Meters, after: &Meters, memory: f64) -> Self {
        let callbacks = outcome.count() as f64;
        Self {
            rate: outcome.rate(),
            latencies: [50.0, 99.0, 99.9].map(|percentile| outcome.percentile(percentile)),
            cpu: std::array::from_fn(|of| (after.cpu[of] - before.cpu[of]) * 1e3 / callbacks),
            wal: (after.wal - before.wal) / callbacks,
            memory,
            failed: outcome.failed,
        }
    }
}

impl Meters {
    async fn read(contestant: &Contestant, postgres: &Postgres) -> Self {
        let processes = Processes::now();
        let contestant = contestant.processes.iter().map(|id| processes.cpu(*id)).sum();
        let generator = processes.cpu_alone(std::process::id());
        Self { cpu: [contestant, processes.cpu(postgres.id), generator], wal: postgres.wal().await }
    }
}

/// Resets the kernel's peak of resident memory.
fn forget_peak(contestant: &Contestant) {
    for id in &contestant.processes {
        let _ = fs::write(format!("/proc/{id}/clear_refs"), "5");
    }
}

/// A single process: its peak during the load. Several processes: their memory right after the load, with
/// shared pages counted once.
fn memory(contestant: &Contestant) -> f64 {
    let processes = Processes::now();
    let all: Vec<u32> =
        contestant.processes.iter().flat_map(|id| processes.with_children(*id)).collect();
    let field = |id: u32, file: &str, name: &str| -> f64 {
        let text = fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
        let value =
            text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        value.map_or(f64::NAN, |kibibytes| kibibytes.parse::<f64>().unwrap() * 1024.0 / 1e6)
    };
    match all.as_slice() {
        [] => f64::NAN,
        [one] => field(*one, "status", "VmHWM:"),
        many => many.iter().map(|id| field(*id, "smaps_rollup", "Pss:")).sum(),
    }
}
