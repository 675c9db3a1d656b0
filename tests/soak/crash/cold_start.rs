//! The service is started while there is no Postgres, with a database that was never migrated.

use std::time::{Duration, Instant};

use simulator::{Behaviour, Gateway};

use super::{Form, Outcome, ms};
use crate::world::load::{BEHAVIOUR, callback};
use crate::world::place::Place;
use crate::world::postgres::Postgres;
use crate::world::record::{Record, Sent};
use crate::world::service::Service;
use crate::world::{World, until};

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
    let place = Place::new();
    let postgres = Postgres::new(&place);
    let service = Service::new(&place, &postgres.url(), &place.path("data"), &[]);
    let mut world = World::of(postgres, service);
    let mut record = Record::default();
    let mut gateway = Gateway::new(world.service.http, Behaviour { attempts: 1, ..BEHAVIOUR });
    let mut process = world.service.spawn();
    let started = Instant::now();
    until("the first callback is answered 200", 10, async || {
        process.must_run();
        let serial = world.serials.next();
        let delivery = gateway.deliver(&callback(serial, 0)).await;
        let acknowledged = delivery.acknowledged();
        record.sent.push(Sent { serial, delivery });
        acknowledged
    })
    .await;
    let took = started.elapsed();
    world.process = Some(process);

    let load = world.load(form.shape());
    load.until_more(100).await;
    world.postgres.start().await;
    world.service.until_in_postgres().await;
    load.until_more(100).await;
    let since = load.stop().await;
    let others = since.others();
    record.add(since);
    let mut outcome = Outcome::settled(1, &world, &record).await;
    outcome.demand(others.is_empty(), || format!("other than 200 after the first: {others}"));
    (took, outcome)
}
