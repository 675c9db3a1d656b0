//! Postgres is killed with all its processes, at any moment, and started again.

use super::{Form, Outcome};
use crate::world::World;

pub async fn kill_9_of_postgres_is_noticed_by_nobody(form: Form) -> Outcome {
    let mut world = World::start().await;
    let load = world.load(form.pace());
    for _ in 0..form.cycles {
        load.until_more(50).await;
        world.pass(0..200).await;
        world.postgres.kill_9().await;
        world.pass(0..500).await;
        world.postgres.start().await;
        world.service.until_in_postgres().await;
    }
    load.until_more(50).await;
    let record = load.stop().await;
    let mut outcome = Outcome::settled(form.cycles, &world, &record).await;
    outcome.demand_nothing_but_200(&record);
    outcome
}
