//! The run: the contestants, and the rounds in which they are measured in turn.

use std::time::{Duration, Instant};

use super::contestants::php::{self, Php, Prepares, Programs};
use super::contestants::{Contestant, Helper, batches, migrated, row_per_request, service};
use super::machine;
use super::measure::{Measurement, Postgres, measure, prepare};
use super::probes;
use super::statistics::Figure;
use testkit::process::ServiceProcess;

/// Numbers of concurrent connections.
pub const CONNECTIONS: [usize; 3] = [16, 64, 256];

/// The number of connections of most comparisons.
pub const USUAL: usize = 64;

/// The length of the trial of each pool size.
const TRIAL: Duration = Duration::from_secs(1);

/// Starts of the service in each round.
const STARTS: usize = 3;

/// Everything on the page.
pub struct Results {
    pub rounds: u64,
    pub seconds: u64,
    pub took: Duration,
    pub machine: Vec<(&'static str, String)>,
    pub rows: Vec<Row>,
    /// Letters and names of contestants that could not take part.
    pub not_measured: Vec<(char, &'static str)>,
    /// Callbacks per second of the inserting PHP script without prepared statements, in a trial.
    pub tuned_php: Option<f64>,
    /// The time of a single-row commit by `pgbench` in each round, in milliseconds; empty without `pgbench`.
    pub commits: Vec<f64>,
    pub open_loop: Vec<OpenLoop>,
    /// Times from the start of the service to its first 200, in milliseconds.
    pub first_answers: Vec<f64>,
}

/// A contestant's measurements.
pub struct Row {
    pub letter: char,
    pub name: String,
    pub short: &'static str,
    /// By [`CONNECTIONS`], and then by round.
    pub measured: [Vec<Measurement>; 3],
}

/// A load at half the rate that the closed loop of the same round reached.
pub struct OpenLoop {
    pub rate: f64,
    /// p50, p99 and p99.9, in milliseconds.
    pub latencies: [f64; 3],
    pub sent: u64,
    pub to_be_repeated: u64,
}

/// The contestants, and the processes behind them.
struct Field {
    contestants: Vec<Contestant>,
    not_measured: Vec<(char, &'static str)>,
    tuned_php: Option<f64>,
    _services: [ServiceProcess; 2],
    _row_per_request: Helper,
    _php: Vec<Php>,
}

pub async fn run(rounds: u64, seconds: u64) -> Results {
    let began = Instant::now();
    let postgres = Postgres::find().await;
    let programs = Programs::find();
    let fsync = probes::fsync_latency();
    let pgbench = probes::find_pgbench();
    let field = assemble(&postgres, programs.as_ref()).await;
    let count = field.contestants.len();
    let usual = CONNECTIONS.iter().position(|connections| *connections == USUAL).unwrap();
    let mut results = Results {
        rounds,
        seconds,
        took: Duration::ZERO,
        machine: machine::describe(&postgres.database, programs.as_ref(), fsync).await,
        rows: field.contestants.iter().map(Row::of).collect(),
        not_measured: field.not_measured.clone(),
        tuned_php: field.tuned_php,
        commits: Vec::new(),
        open_loop: Vec::new(),
        first_answers: Vec::new(),
    };
    for round in 0..rounds {
        // The order changes, so that no contestant is always first or always after the same one.
        for place in 0..count {
            let index = (place + round as usize) % count;
            let contestant = &field.contestants[index];
            for (at, connections) in CONNECTIONS.into_iter().enumerate() {
                let duration = Duration::from_secs(seconds);
                let measured = measure(contestant, &postgres, connections, duration).await;
                print(round, contestant, connections, &measured);
                results.rows[index].measured[at].push(measured);
            }
        }
        let reports = field.contestants.iter().position(|one| one.letter == 'b').unwrap();
        let peak = results.rows[reports].measured[usual].last().unwrap().rate;
        let reports = &field.contestants[reports];
        prepare(reports, &postgres).await;
        results.open_loop.push(open_loop(reports, peak / 2.0, seconds).await);
        for _ in 0..STARTS {
            results.first_answers.push(probes::first_answer(reports).await);
        }
        if let Some(pgbench) = &pgbench {
            prepare(reports, &postgres).await;
            let database = reports.database.as_ref().unwrap();
            results.commits.push(probes::pgbench_commit(pgbench, database, seconds));
        }
    }
    results.took = began.elapsed();
    results
}

async fn assemble(postgres: &Postgres, programs: Option<&Programs>) -> Field {
    let (service, mut contestants) = service::with_postgres().await;
    let (spooling, spool) = service::spooling().await;
    contestants.push(spool);

    let mut trials = Vec::new();
    for size in row_per_request::POOL_SIZES {
        let (_server, contestant) = row_per_request::start(migrated().await, size).await;
        trials.push((size, measure(&contestant, postgres, USUAL, TRIAL).await.rate));
    }
    let size = best(&trials);
    let (row_per_request, contestant) = row_per_request::start(migrated().await, size).await;
    contestants.push(contestant);

    let (mut php, mut not_measured, mut tuned_php) = (Vec::new(), Vec::new(), None);
    if let Some(programs) = programs {
        let mut trials = Vec::new();
        for size in php::POOL_SIZES {
            let (_servers, contestant) =
                php::inserting(programs, migrated().await, size, Prepares::Default).await;
            trials.push((size, measure(&contestant, postgres, USUAL, TRIAL).await.rate));
        }
        let size = best(&trials);
        {
            let (_servers, contestant) =
                php::inserting(programs, migrated().await, size, Prepares::Disabled).await;
            tuned_php = Some(measure(&contestant, postgres, USUAL, TRIAL).await.rate);
        }
        let (servers, contestant) =
            php::inserting(programs, migrated().await, size, Prepares::Default).await;
        php.push(servers);
        contestants.push(contestant);
        let (servers, contestant) = php::appending(programs, size).await;
        php.push(servers);
        contestants.push(contestant);
    } else {
        not_measured.push(('f', "PHP-FPM behind nginx, PDO, one row per request"));
        not_measured.push(('g', "PHP-FPM behind nginx, to a file without fsync"));
    }
    contestants.push(batches::contestant(migrated().await));
    Field {
        contestants,
        not_measured,
        tuned_php,
        _services: [service, spooling],
        _row_per_request: row_per_request,
        _php: php,
    }
}

/// The fastest pool size, so that no contestant is slow only because of its pool.
fn best(trials: &[(u32, f64)]) -> u32 {
    println!("pool sizes and callbacks per second: {trials:.0?}");
    trials.iter().max_by(|(_, one), (_, other)| one.total_cmp(other)).unwrap().0
}

async fn open_loop(reports: &Contestant, rate: f64, seconds: u64) -> OpenLoop {
    let super::contestants::Way::Http(address, _) = reports.way else { unreachable!() };
    let duration = Duration::from_secs(seconds * 2);
    let outcome = probes::open_loop(address, USUAL, rate, duration).await;
    OpenLoop {
        rate,
        latencies: [50.0, 99.0, 99.9].map(|percentile| outcome.percentile(percentile)),
        sent: outcome.count() + outcome.failed,
        to_be_repeated: outcome.to_be_repeated,
    }
}

fn print(round: u64, contestant: &Contestant, connections: usize, measured: &Measurement) {
    let Measurement { rate, latencies: [p50, p99, p999], cpu, wal, memory, .. } = measured;
    println!(
        "{round} {} {connections:>3} {rate:>7.0}/s  {p50:.2} {p99:.2} {p999:.2} ms  \
         cpu {cpu:.3?} ms  wal {wal:.0} B  {memory:.1} MB",
        contestant.letter
    );
}

impl Row {
    fn of(contestant: &Contestant) -> Self {
        Self {
            letter: contestant.letter,
            name: contestant.name.clone(),
            short: contestant.short,
            measured: Default::default(),
        }
    }

    /// One figure of the measurements at the number of connections with this index.
    pub fn figure(&self, at: usize, of: impl Fn(&Measurement) -> f64) -> Option<Figure> {
        Figure::of(self.measured[at].iter().map(of))
    }

    pub fn rates(&self, at: usize) -> Vec<f64> {
        self.measured[at].iter().map(|measured| measured.rate).collect()
    }
}
