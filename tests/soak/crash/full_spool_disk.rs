//! While Postgres is unavailable, the disk under the spool fills up: then nothing can be made durable.

use super::{Form, Outcome};
use crate::world::World;
use testkit::eventually;
use testkit::load::Load;
use testkit::server::Postgres;
use testkit::service::Service;
use testkit::tmpfs::Tmpfs;

pub async fn a_full_spool_disk_is_answered_503_and_loses_nothing_acknowledged(
    form: Form,
) -> Outcome {
    let disk = match Tmpfs::mount(24) {
        Ok(disk) => disk,
        Err(why) => return Outcome::not_run(format!("no tmpfs can be mounted: {why}")),
    };
    let mut postgres = Postgres::new().await;
    postgres.start().await;
    // Leaves little room, so that it is soon full.
    disk.fill(4 << 20);
    let more = [("ROUTO_SPOOL__MIN_FREE_BYTES", "1048576")];
    let service = Service::new(&postgres.url(), &disk.path.join("data"), &more);
    let mut world = World::of(postgres, service).with_service().await;
    let load = world.load(form.pace());
    for _ in 0..form.cycles {
        load.until_more(20).await;
        world.postgres.stop().await;
        full(&world, &load).await;
        world.postgres.start().await;
        world.service.until_in_postgres().await;
    }
    let refused = load.stop().await;
    // It recovers by itself.
    let load = world.load(form.pace());
    load.until_more(100).await;
    let after = load.stop().await;
    let others = after.others();
    let mut record = refused;
    let seen = record.attempts.iter().filter(|attempt| attempt.outcome == Ok(503)).count();
    let all = record.other_answers() + record.failed_attempts();
    let what = record.others();
    record.add(after);
    let mut outcome = Outcome::settled(form.cycles, &world, &record).await;
    outcome.demand(seen > 0, || "no 503 was seen: the disk was never full".to_owned());
    outcome.demand(seen == all, || format!("other than 200 and 503: {what}"));
    outcome.demand(others.is_empty(), || format!("not as before in the end: {others}"));
    outcome
}

/// Waits until the service refuses callbacks, and lets it do so for a while.
async fn full(world: &World, load: &Load) {
    eventually("the spool is full", async || {
        world.service.readyz().await.is_some_and(|answer| answer.status == 503)
    })
    .await;
    load.until_more_given_up(20).await;
}
