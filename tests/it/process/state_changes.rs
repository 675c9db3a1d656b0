//! State changes are logged in one line each, whatever the traffic.

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresOptions};
use secrecy::ExposeSecret;

use crate::support::app::{TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, with};
use crate::support::{eventually, goes_to_postgres, scratch};

fn report() -> Vec<u8> {
    get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"))
}

fn times(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn a_queue_that_overflows_is_one_line_and_that_it_is_empty_again_is_one() {
    let database = TestDatabase::create().await;
    let environment = with(environment(&database.url()), &[("ROUTO_INGEST__QUEUE_CAPACITY", "4")]);
    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;

    let mut holder = database.connect().await;
    sqlx::raw_sql("begin; lock table delivery_reports in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..100 {
        sent.spawn(send(service.http, report()));
    }
    let mut statuses = Vec::new();
    // Connections over the limit are refused while the others wait.
    while statuses.len() < 50 {
        statuses.push(sent.join_next().await.unwrap().unwrap().status);
    }
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    statuses.extend(sent.join_all().await.iter().map(|answer| answer.status));
    assert!(statuses.contains(&200), "{statuses:?}");
    eventually("told", || async { service.has_logged("the queue has room again") }).await;
    service.signal(rustix::process::Signal::TERM);
    let (_, log) = service.end().await;
    assert_eq!(times(&log, "the queue is full"), 1, "{log}");
    assert_eq!(times(&log, "the queue has room again"), 1, "{log}");
}

#[tokio::test]
async fn an_outage_is_one_line_when_it_begins_and_one_each_for_its_ends() {
    let directory = scratch("own-postgres");
    let options = || EmbeddedPostgresOptions { data_dir: directory.clone(), bin_dir: None };
    let postgres = EmbeddedPostgres::start(options()).await.unwrap();
    let url = postgres.url().expose_secret().to_owned();
    let service = ServiceProcess::start(&environment(&url)).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;

    postgres.stop().await;
    for _ in 0..300 {
        assert_eq!(send(service.http, report()).await.status, 200);
    }
    let postgres = EmbeddedPostgres::start(options()).await.unwrap();
    eventually("drained", || async { service.has_logged("the spool is drained") }).await;
    assert_eq!(send(service.http, report()).await.status, 200);
    service.signal(rustix::process::Signal::TERM);
    let (_, log) = service.end().await;
    for line in [
        "created partitions",
        "Postgres is unavailable: callbacks go to the spool",
        "Postgres is available again: callbacks go to Postgres",
        "the spool is drained: its callbacks are in Postgres",
        "stopped",
    ] {
        assert_eq!(times(&log, line), 1, "{line}: {log}");
    }
    assert!(log.lines().count() < 20, "{log}");
    postgres.stop().await;
}
