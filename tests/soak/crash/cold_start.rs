//! The service is started while there is no Postgres, with a database that was never migrated.

use std::time::{Duration, Instant};

use simulator::{RunSummary, Sender};
use testkit::load::{ONE_ATTEMPT, script};
use testkit::record::Record;
use testkit::server::Postgres;
use testkit::service::Service;
use testkit::{eventually, scratch};

use super::{Form, Outcome, ms};
use crate::world::World;

pub async fn a_cold_start_without_postgres_takes_callbacks(form: Form) -> Outcome {
    let mut worst = Duration::ZERO;
    let mut last = Outcome::default();
    for _ in 0..form.cycles {
        let (took, outcome) = once(form).await;
        worst = worst.max(took);
        let problems = !outcome.problems.is_empty();
        last = outcome;
        if problems {
            break;
        }
    }
    last.cycles = form.cycles;
    last.note(format!("from the start of the process to the first 200: {} at worst", ms(worst)));
    if form.long {
        let in_time = worst <= Duration::from_millis(100);
        last.demand(in_time, || format!("the first 200 took {}", ms(worst)));
    }
    last
}

/// One cold start: the time to the first 200, and the rest.
async fn once(form: Form) -> (Duration, Outcome) {
    let postgres = Postgres::new().await;
    let service = Service::new(&postgres.url(), &scratch("data"), &[]);
    let mut world = World::of(postgres, service);
    let script = script();
    let mut callbacks = (0..).flat_map(|scene| script.scene(scene));
    let (mut sender, mut summary) =
        (Sender::new(world.service.http, ONE_ATTEMPT), RunSummary::default());
    let mut process = world.service.spawn();
    let started = Instant::now();
    eventually("the first callback is answered 200", async || {
        process.must_run();
        let planned = callbacks.next().expect("there is no end of them");
        let delivery = sender.deliver(&planned.callback).await;
        summary.note(&planned, &delivery, started.elapsed());
        delivery.acknowledged()
    })
    .await;
    let took = started.elapsed();
    world.process = Some(process);

    let load = world.load(form.pace());
    load.until_more(100).await;
    world.postgres.start().await;
    world.service.until_in_postgres().await;
    load.until_more(100).await;
    let since = load.stop().await;
    let others = since.others();
    let mut record = Record::of(script.clone(), summary);
    record.add(since);
    let mut outcome = Outcome::settled(1, &world, &record).await;
    outcome.demand(others.is_empty(), || format!("other than 200 after the first: {others}"));
    (took, outcome)
}
