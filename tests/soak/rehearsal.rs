//! `simulate --verify`, as an operator would run it, with a service whose Postgres is killed again and
//! again. Ends with 1 if anything was lost, doubled or left in the spool.
//!
//! `make rehearsal DURATION=10m`; `RATE` callbacks a second, Postgres dies every `EVERY`
//! seconds and stays away for `AWAY`, `SERVICE=kill` kills the service with it.

use std::process::ExitCode;
use std::time::Duration;

use testkit::configuration::environment;
use testkit::process::program;
use tokio::time::sleep;

use crate::number;
use crate::world::World;

/// Attempts that have more than one row.
const DOUBLED: &str = "
    select count(*) from (
        select from (
            select extra from delivery_reports union all select extra from inbound_messages
        ) as rows
        group by extra ->> 'simulate', extra ->> 'attempt'
        having count(*) > 1
    ) as doubled";

pub async fn run() -> ExitCode {
    let set = |name: &str, default: &str| {
        std::env::var(name).ok().filter(|v| !v.is_empty()).unwrap_or(default.to_owned())
    };
    let (every, away) =
        (Duration::from_secs(number("EVERY", 20)), Duration::from_secs(number("AWAY", 3)));
    let (duration, rate) = (set("DURATION", "10m"), set("RATE", "500"));
    let kills_service = set("SERVICE", "") == "kill";

    let mut world = World::start().await;
    let url = world.postgres.url();
    let target = format!("http://{}", world.service.http);
    let arguments = ["simulate", "--url", &target, "--rate", &rate, "--duration", &duration];
    let more = ["--torture", "--seed", "1", "--verify", &url];
    println!("routo-receiver {} {}", arguments.join(" "), more.join(" "));
    let environment = environment(&url);
    let mut simulate = program(&[&arguments[..], &more].concat(), &environment).spawn().unwrap();
    let mut kills = 0;
    let status = loop {
        tokio::select! {
            ended = simulate.wait() => break ended.unwrap(),
            () = sleep(every) => {}
        }
        world.postgres.kill_9().await;
        if kills_service {
            world.kill_service().await;
            world.start_service().await;
        }
        sleep(away).await;
        world.postgres.start().await;
        kills += 1;
    };
    let left = world.service.spool_files().len();
    println!("Postgres was killed {kills} times; {left} files are left in the spool; {status}");
    // The spool may have been drained after the last check of `simulate`.
    let mut connection = world.postgres.connect().await;
    let doubled: i64 = sqlx::query_scalar(DOUBLED).fetch_one(&mut connection).await.unwrap();
    println!("{doubled} attempts have more than one row");
    let fine = status.success() && kills > 0 && left == 0 && doubled == 0;
    ExitCode::from(u8::from(!fine))
}
