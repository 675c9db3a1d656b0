//! While Postgres is away, the disk under the spool fills up: then nothing can be made durable.

use super::{Form, Outcome};
use crate::world::load::{Load, Shape};
use crate::world::place::Place;
use crate::world::postgres::Postgres;
use crate::world::service::Service;
use crate::world::tmpfs::Tmpfs;
use crate::world::{World, until};

pub async fn a_full_spool_disk_is_answered_503_and_loses_nothing_acknowledged(
    form: Form,
) -> Outcome {
    let place = Place::new();
    let disk = match Tmpfs::mount(&place, 24) {
        Ok(disk) => disk,
        Err(why) => return Outcome::not_run(format!("no tmpfs can be mounted: {why}")),
    };
    let mut postgres = Postgres::new(&place);
    postgres.start().await;
    let service = Service::new(
        &place,
        &postgres.url(),
        &disk.path.join("data"),
        &[("ROUTO_SPOOL__MIN_FREE_BYTES", "1048576")],
    );
    let mut world = World::of(postgres, service);
    world.start_service().await;
    world.service.until_in_postgres().await;
    let large = Shape { padding: 20_000, ..form.shape() };
    let load = world.load(large);
    for _ in 0..form.cycles {
        load.until_more(20).await;
        world.postgres.stop().await;
        full(&world, &load).await;
        world.postgres.start().await;
        world.service.until_in_postgres().await;
    }
    let refused = load.stop().await;
    // By itself, all is as before.
    let load = world.load(form.shape());
    load.until_more(100).await;
    let after = load.stop().await;
    let others = after.others();
    let mut record = refused;
    let seen = record.attempts().filter(|attempt| attempt.outcome == Ok(503)).count();
    let all = record.other_answers() + record.failed_attempts();
    let what = record.others();
    record.add(after);
    let mut outcome = Outcome::settled(form.cycles, &world, &record).await;
    outcome.demand(seen > 0, || "no 503 was seen: the disk was never full".to_owned());
    outcome.demand(seen == all, || format!("other than 200 and 503: {what}"));
    outcome.demand(others.is_empty(), || format!("not as before in the end: {others}"));
    outcome
}

/// Waits until the service says that it can't make anything durable, and lets it say so for a while.
async fn full(world: &World, load: &Load) {
    until("the spool is full", 60, async || {
        world.service.readyz().await.is_some_and(|answer| answer.status == 503)
    })
    .await;
    load.until_more_given_up(20).await;
}
