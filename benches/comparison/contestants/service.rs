//! This service: `/livez`, reports, messages, and reports while Postgres is unavailable.

use super::{Contestant, Way, migrated};
use testkit::configuration::environment;
use testkit::process::{ServiceProcess, with};
use testkit::speed::Requests;
use testkit::{eventually, goes_to_postgres};

/// With Postgres: for the first three contestants.
pub async fn with_postgres() -> (ServiceProcess, Vec<Contestant>) {
    let database = migrated().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
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
        contestant('a', "this service, `/livez`: no database", "/livez", Requests::Livez, None),
        contestant('b', "this service, reports", "reports", Requests::Reports, Some(database)),
        contestant(
            'c',
            "this service, inbound messages",
            "messages",
            Requests::Messages,
            Some(same),
        ),
    ];
    (service, contestants)
}

/// Without Postgres: every callback goes to the spool.
pub async fn spooling() -> (ServiceProcess, Contestant) {
    let away = environment("postgres://127.0.0.1:1/away");
    let roomy = with(away, &[("ROUTO_SPOOL__MAX_BYTES", "8589934592")]);
    let service = ServiceProcess::start(&roomy).await;
    let contestant = Contestant {
        letter: 'd',
        name: "this service, reports, Postgres away: to the spool".to_owned(),
        short: "spool",
        way: Way::Http(service.http, Requests::Reports),
        processes: vec![service.id()],
        database: None,
    };
    (service, contestant)
}
