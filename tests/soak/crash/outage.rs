//! The frame of every outage: Postgres can't be used for a while, the load goes on, and nobody
//! outside notices.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Form, Outcome, ms};
use crate::world::World;

/// The service's own default: after it, nothing waits for Postgres any more.
const COMMIT_DEADLINE: Duration = Duration::from_secs(1);

/// Runs the outage that `begin` and `end` make. Callbacks must go to the spool meanwhile, or it was
/// none.
pub async fn unnoticed(
    form: Form,
    world: &mut World,
    begin: impl AsyncFn(&mut World),
    end: impl AsyncFn(&mut World),
) -> Outcome {
    let lasting = form.length(Duration::from_secs(3), Duration::from_secs(20));
    unnoticed_for(form, lasting, world, begin, end).await
}

/// The same for that long.
pub async fn unnoticed_for(
    form: Form,
    lasting: Duration,
    world: &mut World,
    begin: impl AsyncFn(&mut World),
    end: impl AsyncFn(&mut World),
) -> Outcome {
    let load = world.load(form.pace());
    let mut outages = Vec::new();
    for _ in 0..form.cycles {
        load.until_more(100).await;
        begin(world).await;
        let known = Instant::now() + COMMIT_DEADLINE;
        world.service.until_spooling().await;
        sleep(lasting).await;
        outages.push((known, Instant::now()));
        end(world).await;
        world.service.until_in_postgres().await;
    }
    load.until_more(100).await;
    let record = load.stop().await;
    let mut outcome = Outcome::settled(form.cycles, world, &record).await;
    outcome.demand_nothing_but_200(&record);
    let spooled = record.times(200, &outages);
    let (p50, p99) = (spooled.percentile(50), spooled.percentile(99));
    outcome.note(format!(
        "meanwhile, past the first deadline: {} answered 200, p50 {}, p99 {}",
        spooled.count(),
        ms(p50),
        ms(p99)
    ));
    outcome.demand(spooled.count() > 0 && p99 < COMMIT_DEADLINE, || {
        format!("callbacks went on waiting for Postgres: p99 {}", ms(p99))
    });
    outcome
}
