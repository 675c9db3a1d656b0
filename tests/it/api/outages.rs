//! Postgres away, back, and restarted.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::SocketAddr;

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresOptions};
use routo_receiver::error_chain::Chain;
use routo_receiver::service::Service;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::app::{TOKEN, TestApp, settings};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::{eventually, goes_to_postgres};

pub(super) fn report() -> Vec<u8> {
    get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"))
}

pub(super) async fn goes_to_the_spool(admin: SocketAddr) -> bool {
    let answer = send(admin, get("/readyz")).await;
    answer.status == 200
        && answer.body == "OK: callbacks go to the spool, because Postgres is unavailable"
}

#[tokio::test]
async fn while_postgres_is_away_callbacks_are_acknowledged_at_once_and_are_in_postgres_later() {
    let directory = tempfile::tempdir().unwrap();
    let options =
        || EmbeddedPostgresOptions { data_dir: directory.path().to_owned(), bin_dir: None };
    let postgres = EmbeddedPostgres::start(options()).await.unwrap();
    let url = postgres.url().expose_secret().to_owned();
    let database = TestDatabase { options: url.parse().unwrap() };
    postgres.stop().await;

    // A start while Postgres is unavailable and not yet migrated.
    let service = Service::start(settings(&url, &[])).await.unwrap();
    let http = service.http_address;
    assert_eq!(send(http, report()).await.status, 200);
    assert!(goes_to_the_spool(service.admin_address).await);
    assert_eq!(send(http, get("/livez")).await.status, 200);

    let postgres = EmbeddedPostgres::start(options()).await.unwrap();
    assert_eq!(postgres.url().expose_secret(), url, "the port was free, so it is the same");
    eventually("back", || goes_to_postgres(service.admin_address)).await;
    eventually("drained", || async { rows(&database).await == 1 }).await;
    assert_eq!(send(http, report()).await.status, 200);
    assert_eq!(rows(&database).await, 2);

    // An outage while it runs: neither the first callback nor a later one is refused.
    postgres.stop().await;
    for _ in 0..10 {
        assert_eq!(send(http, report()).await.status, 200);
    }
    assert!(goes_to_the_spool(service.admin_address).await);
    let postgres = EmbeddedPostgres::start(options()).await.unwrap();
    eventually("drained", || async { rows(&database).await == 12 }).await;
    service.stop().await;
    postgres.stop().await;
}

pub(super) async fn rows(database: &TestDatabase) -> u64 {
    let rows = database.value("select count(*) from delivery_reports").await;
    rows.as_u64().unwrap()
}

#[tokio::test]
async fn with_neither_postgres_nor_room_in_the_spool_the_answer_is_503_at_once() {
    let disk = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    // Almost the whole disk must stay free, so the spool can't be used.
    let min_free = (disk.f_blocks * disk.f_frsize - 1).to_string();
    let more = [("ROUTO_SPOOL__MIN_FREE_BYTES", min_free.as_str())];
    let service = Service::start(settings("postgres://127.0.0.1:1/nothing", &more)).await.unwrap();
    let http = service.http_address;
    for _ in 0..20 {
        let answer = send(http, report()).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert_eq!(answer.body, "the callback can't be stored at the moment");
        assert_eq!(send(http, get("/readyz")).await.status, 503);
    }
    assert_eq!(send(http, get("/livez")).await.status, 200);
    service.stop().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_data_directory_is_refused() {
    let app = TestApp::start().await;
    let directory = app.data_dir.to_str().unwrap();
    let error = Service::start(settings(&app.database.url(), &[("ROUTO_DATA_DIR", directory)]))
        .await
        .err()
        .unwrap();
    let text = Chain(&error).to_string();
    assert!(
        text.contains("is in use by another routo-receiver; stop it, or set data_dir"),
        "{text}"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_connection_that_postgres_closed_is_replaced_without_anybody_noticing() {
    let app = TestApp::start().await;
    assert_eq!(app.send(report()).await.status, 200);
    app.disconnect().await;
    assert_eq!(app.send(report()).await.status, 200);
    assert_eq!(app.rows().await, json!(2));
    app.stop().await;
}

#[tokio::test]
async fn a_commit_that_hangs_is_given_up_at_the_deadline_and_its_callbacks_are_stored_once() {
    let app = TestApp::start_with(&[("ROUTO_INGEST__COMMIT_DEADLINE", "100ms")]).await;
    let mut blocker = app.database.connect().await;
    sqlx::raw_sql("begin; lock table delivery_reports in access exclusive mode")
        .execute(&mut blocker)
        .await
        .unwrap();
    // However long it lasts, every response is 200, and connections are not used up.
    for _ in 0..20 {
        assert_eq!(app.send(report()).await.status, 200);
        assert!(goes_to_the_spool(app.service.admin_address).await);
    }
    let ours = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'routo-receiver'";
    eventually("one connection", || async { app.database.value(ours).await.as_u64() <= Some(1) })
        .await;
    sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    eventually("drained", || async { rows(&app.database).await == 20 }).await;
    app.stop().await;
}

#[tokio::test]
async fn commits_that_wait_for_a_standby_use_up_no_connections() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedPostgresOptions { data_dir: directory.path().to_owned(), bin_dir: None };
    let postgres = EmbeddedPostgres::start(options).await.unwrap();
    let url = postgres.url().expose_secret().to_owned();
    let database = TestDatabase { options: url.parse().unwrap() };
    let more = [("ROUTO_INGEST__COMMIT_DEADLINE", "200ms")];
    let service = Service::start(settings(&url, &more)).await.unwrap();
    let http = service.http_address;
    eventually("ready", || goes_to_postgres(service.admin_address)).await;

    database.execute("alter system set synchronous_standby_names = 'nobody'").await;
    database.execute("select pg_reload_conf()").await;
    let waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    let mut sent = 0;
    eventually("it waits for the standby", || {
        sent += 1;
        let database = &database;
        async move {
            assert_eq!(send(http, report()).await.status, 200);
            database.value(waiting).await.as_u64() > Some(0)
        }
    })
    .await;
    // Each attempt waits in vain, and ends the one before.
    let seen = &RefCell::new(HashSet::new());
    eventually("three have waited", || {
        sent += 1;
        let database = &database;
        async move {
            assert_eq!(send(http, report()).await.status, 200);
            let waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'";
            let waiting = database.query(waiting).await;
            let waiting = waiting.as_array().unwrap();
            assert!(waiting.len() <= 3, "{waiting:?}");
            let mut seen = seen.borrow_mut();
            seen.extend(waiting.iter().map(|row| row["pid"].as_u64().unwrap()));
            seen.len() >= 3
        }
    })
    .await;
    database.execute("alter system reset synchronous_standby_names").await;
    database.execute("select pg_reload_conf()").await;
    eventually("drained", || async { rows(&database).await == sent }).await;
    service.stop().await;
    postgres.stop().await;
}
