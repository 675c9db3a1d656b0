//! A new process takes over from the old one, while that finishes or after it: the listening socket is
//! theirs in turn.

use super::{Form, Outcome};
use crate::world::World;
use crate::world::listener::HeldListener;
use crate::world::place::Place;
use crate::world::postgres::Postgres;
use crate::world::service::Service;

/// What a process says that waits for its predecessor.
const WAITS: &str = "waiting for the process that has the data directory";

pub async fn a_restart_under_load_fails_no_request(form: Form) -> Outcome {
    let place = Place::new();
    let mut postgres = Postgres::new(&place);
    postgres.start().await;
    let service = Service::new(&place, &postgres.url(), &place.path("data"), &[]);
    let listener = HeldListener::bind(service.http);
    let mut world = World::of(postgres, service);
    let mut first = listener.spawn(&world.service);
    first.until_logged("the service listens", |line| line["http"].is_string()).await;
    world.process = Some(first);
    world.service.until_in_postgres().await;
    let load = world.load(form.shape());
    let mut codes = Vec::new();
    for cycle in 0..form.cycles {
        load.until_more(100).await;
        let old = world.process.take().expect("the service runs");
        let mut new = if cycle % 3 == 2 {
            // One after the other, as systemd restarts: connections wait in the socket meanwhile.
            codes.push(old.terminate().await);
            listener.spawn(&world.service)
        } else {
            let mut new = listener.spawn(&world.service);
            new.until_logged("the new process waits for the old one", |line| {
                line.to_string().contains(WAITS)
            })
            .await;
            world.pass(0..100).await;
            codes.push(old.terminate().await);
            new
        };
        new.until_logged("the new process listens", |line| line["http"].is_string()).await;
        world.process = Some(new);
    }
    load.until_more(100).await;
    let record = load.stop().await;
    let mut outcome = Outcome::settled(form.cycles, &world, &record).await;
    outcome.demand_nothing_but_200(&record);
    let in_order = codes.iter().all(|code| *code == Some(0));
    outcome.demand(in_order, || format!("old processes ended with {codes:?}"));
    outcome
}
