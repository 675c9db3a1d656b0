//! A new process takes over from the old one, while that finishes or after it: the listening socket is
//! theirs in turn.

use super::{Form, Outcome};
use crate::listener::HeldListener;
use crate::world::World;
use testkit::process::addresses;
use testkit::scratch;
use testkit::server::Postgres;
use testkit::service::Service;

/// What a process says that waits for its predecessor.
const WAITS: &str = "waiting for another process to release the data directory";

pub async fn a_restart_under_load_fails_no_request(form: Form) -> Outcome {
    let mut postgres = Postgres::new().await;
    postgres.start().await;
    let service = Service::new(&postgres.url(), &scratch("data"), &[]);
    let listener = HeldListener::bind(service.http);
    let mut world = World::of(postgres, service);
    let mut first = listener.spawn(&world.service);
    first.until_logged("the service listens", addresses).await;
    world.process = Some(first);
    world.service.until_in_postgres().await;
    let load = world.load(form.pace());
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
                line.to_string().contains(WAITS).then_some(())
            })
            .await;
            world.pass(0..100).await;
            codes.push(old.terminate().await);
            new
        };
        new.until_logged("the new process listens", addresses).await;
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
