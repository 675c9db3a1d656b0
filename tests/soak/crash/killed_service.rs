//! The service is killed, at any moment, and started again on the same directory and ports.

use super::{Form, Outcome};
use crate::world::World;

pub async fn kill_9_of_the_service_loses_nothing_acknowledged(form: Form) -> Outcome {
    let mut world = World::start().await;
    let load = world.load(form.pace());
    for _ in 0..form.cycles {
        load.until_more(50).await;
        world.pass(0..300).await;
        world.kill_service().await;
        if world.choose(4) == 0 {
            // Killed again while it starts.
            let process = world.service.spawn();
            world.pass(0..60).await;
            process.kill_9().await;
        }
        world.start_service().await;
    }
    load.until_more(50).await;
    let record = load.stop().await;
    let mut outcome = Outcome::settled(form.cycles, &world, &record).await;
    let given_up = outcome.sent - outcome.acknowledged;
    outcome.note(format!("{given_up} given up by the gateway while nobody was there"));
    outcome
}
