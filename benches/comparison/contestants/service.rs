//! This service: its sign of life, reports, messages, and reports while Postgres is away.

use super::super::load::Load;
use super::super::support::app::environment;
use super::super::support::process::{ServiceProcess, with};
use super::super::support::{eventually, goes_to_postgres};
use super::{Contestant, Way, migrated};

/// With Postgres, for the first three.
pub async fn with_postgres() -> (ServiceProcess, Vec<Contestant>) {
    let database = migrated().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.http)).await;
    let contestant = |letter, name: &str, short, load, database| Contestant {
        letter,
        name: name.to_owned(),
        short,
        way: Way::Http(service.http, load),
        processes: vec![service.id()],
        database,
    };
    let same = super::TestDatabase { options: database.options.clone() };
    let contestants = vec![
        contestant('a', "this service, `/livez`: no database", "/livez", Load::Livez, None),
        contestant('b', "this service, reports", "reports", Load::Reports, Some(database)),
        contestant('c', "this service, inbound messages", "messages", Load::Messages, Some(same)),
    ];
    (service, contestants)
}

/// With a Postgres that does not exist: all goes to the spool.
pub async fn spooling() -> (ServiceProcess, Contestant) {
    let away = environment("postgres://127.0.0.1:1/away");
    let roomy = with(away, &[("ROUTO_SPOOL__MAX_BYTES", "8589934592")]);
    let service = ServiceProcess::start(&roomy).await;
    let contestant = Contestant {
        letter: 'd',
        name: "this service, reports, Postgres away: to the spool".to_owned(),
        short: "spool",
        way: Way::Http(service.http, Load::Reports),
        processes: vec![service.id()],
        database: None,
    };
    (service, contestant)
}
