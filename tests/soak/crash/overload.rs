//! Ten times as many callbacks as can be made durable in time.

use std::time::{Duration, Instant};

use simulator::Pace;
use testkit::load::{Load, ONE_ATTEMPT};
use testkit::processes::peak_memory_kb;
use testkit::proxy::Proxy;
use testkit::record::Record;
use testkit::scratch;
use testkit::server::{self, Postgres};
use testkit::service::Service;
use tokio::time::sleep;

use super::{Form, Outcome, ms};
use crate::world::World;

/// More than are ever under way at once.
const CONNECTIONS: u32 = 4_000;

/// Few, so that ten times the capacity is little for the processors of a small machine.
const BATCH: &str = "8";
const QUEUE: &str = "32";

/// What the way back from Postgres takes. A commit takes at least that.
const DELAY: Duration = Duration::from_millis(20);

pub async fn ten_times_the_capacity_costs_neither_goodput_nor_memory(form: Form) -> Outcome {
    let mut postgres = Postgres::new().await;
    postgres.start().await;
    let proxy = Proxy { delay: DELAY, ..Proxy::default() };
    let proxy = proxy.start("127.0.0.1", postgres.port()).await;
    let capacity = [
        ("ROUTO_INGEST__MAX_BATCH_ROWS", BATCH),
        ("ROUTO_INGEST__QUEUE_CAPACITY", QUEUE),
        // The capacity shall be that of Postgres, however slow this machine: no use of the spool.
        ("ROUTO_INGEST__COMMIT_DEADLINE", "9s"),
    ];
    let service = Service::new(&server::url(proxy.port()), &scratch("data"), &capacity);
    let world = World::of(postgres, service).with_service().await;

    let length = form.length(Duration::from_secs(2), Duration::from_secs(30));
    let (peak, mut record) = peak(&world, length.min(Duration::from_secs(10))).await;
    let began = Instant::now();
    let pace = Pace::Open { rate: (peak * 10.0) as u32, connections: CONNECTIONS };
    let flood = Load::start(world.service.http, pace, &[ONE_ATTEMPT], Some(length)).end().await;
    let ended = Instant::now();
    let goodput = flood.acknowledged() as f64 / (ended - began).as_secs_f64();
    let offered = flood.sent() as f64 / length.as_secs_f64();
    let refusals = flood.times(503, &[(began, ended)]);
    let stored = flood.times(200, &[(began, ended)]).percentile(50);
    let others = flood.attempts.iter().any(|attempt| !matches!(attempt.outcome, Ok(200 | 503)));
    let what = flood.others();
    record.add(flood);
    let memory = peak_memory_kb(world.process.as_ref().expect("the service runs").id());

    let mut outcome = Outcome::settled(1, &world, &record).await;
    let (p50, p99) = (refusals.percentile(50), refusals.percentile(99));
    outcome.note(format!(
        "peak {peak:.0}/s; offered {offered:.0}/s: {goodput:.0}/s ({:.0} %); 200 p50 {}; {} x 503, p50 {}, p99 {}; {} MB",
        goodput / peak * 100.0,
        ms(stored),
        refusals.count(),
        ms(p50),
        ms(p99),
        memory / 1024
    ));
    outcome.demand(refusals.count() > 0, || "nothing was refused".to_owned());
    outcome.demand(!others, || format!("other than 200 and 503: {what}"));
    outcome.demand(memory < 100 * 1024, || format!("{memory} kB of memory"));
    outcome.demand(p50 < stored, || format!("a 503 takes {}, a 200 {}", ms(p50), ms(stored)));
    let least = if form.long { 0.9 } else { 0.5 };
    outcome.demand(goodput >= peak * least, || "the goodput has collapsed".to_owned());
    if form.long {
        outcome.demand(p99 < stored, || format!("503s take {}, a 200 {}", ms(p99), ms(stored)));
    }
    outcome
}

/// The goodput of a closed loop with just enough connections to fill one batch while another is
/// being committed.
async fn peak(world: &World, length: Duration) -> (f64, Record) {
    let connections = 2 * BATCH.parse::<u32>().unwrap();
    let load = Load::start(world.service.http, Pace::Closed { connections }, &[ONE_ATTEMPT], None);
    load.until_more(2 * u64::from(connections)).await;
    let began = Instant::now();
    sleep(length).await;
    let ended = Instant::now();
    let record = load.stop().await;
    let answered = record.times(200, &[(began, ended)]).count();
    (answered as f64 / (ended - began).as_secs_f64(), record)
}
