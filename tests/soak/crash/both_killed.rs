//! The service and Postgres are killed, in any order, and come back in any order.

use super::{Form, Outcome};
use crate::world::World;

pub async fn service_and_postgres_killed_in_any_order_lose_nothing_acknowledged(
    form: Form,
) -> Outcome {
    let mut world = World::start().await;
    let load = world.load(form.pace());
    for _ in 0..form.cycles {
        load.until_more(50).await;
        world.pass(0..200).await;
        if world.choose(2) == 0 {
            world.kill_service().await;
            world.pass(0..200).await;
            world.postgres.kill_9().await;
        } else {
            world.postgres.kill_9().await;
            world.pass(0..200).await;
            world.kill_service().await;
        }
        world.pass(0..200).await;
        if world.choose(2) == 0 {
            world.postgres.start().await;
            world.start_service().await;
        } else {
            // The service runs without Postgres for a while, ready or not.
            let process = world.service.spawn();
            world.pass(0..300).await;
            world.postgres.start().await;
            world.process = Some(process);
        }
        world.service.until_in_postgres().await;
    }
    load.until_more(50).await;
    let record = load.stop().await;
    Outcome::settled(form.cycles, &world, &record).await
}
