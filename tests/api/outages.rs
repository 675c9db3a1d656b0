//! Postgres away, back, and restarted.

use std::time::{Duration, Instant};

use routo_receiver::app::Service;
use routo_receiver::local_postgres::{LocalPostgres, LocalPostgresOptions};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::app::{TOKEN, TestApp, settings};
use crate::support::client::{get, send};
use crate::support::eventually;
use crate::support::postgres::TestDatabase;
use crate::support::proxy;

fn report() -> Vec<u8> {
    get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"))
}

#[tokio::test]
async fn while_postgres_is_away_the_answer_is_503_at_once_and_it_comes_back_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let options = || LocalPostgresOptions { data_dir: directory.path().to_owned(), bin_dir: None };
    let postgres = LocalPostgres::start(options()).await.unwrap();
    let url = postgres.url().expose_secret().to_owned();
    postgres.stop().await;

    // A start without Postgres.
    let service = Service::start(settings(&url, &[])).await.unwrap();
    let http = service.http_address;
    let asked = Instant::now();
    let answer = send(http, report()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.body, "the callback can't be stored just now");
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(send(http, get("/readyz")).await.status, 503);
    assert_eq!(send(http, get("/livez")).await.status, 200);

    let postgres = LocalPostgres::start(options()).await.unwrap();
    assert_eq!(postgres.url().expose_secret(), url, "the port was free, so it is the same");
    eventually("ready", || async { send(http, get("/readyz")).await.status == 200 }).await;
    assert_eq!(send(http, report()).await.status, 200);

    // An outage while it runs.
    postgres.stop().await;
    assert_eq!(send(http, report()).await.status, 503);
    let asked = Instant::now();
    assert_eq!(send(http, report()).await.status, 503);
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    let postgres = LocalPostgres::start(options()).await.unwrap();
    eventually("ready again", || async { send(http, get("/readyz")).await.status == 200 }).await;
    assert_eq!(send(http, report()).await.status, 200);
    service.stop().await;
    postgres.stop().await;
}

#[tokio::test]
async fn a_connection_that_postgres_closed_is_replaced_without_anybody_noticing() {
    let app = TestApp::start().await;
    assert_eq!(app.send(report()).await.status, 200);
    app.database
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'routo-receiver'",
        )
        .await;
    assert_eq!(app.send(report()).await.status, 200);
    assert_eq!(app.rows().await, json!(2));
    app.stop().await;
}

#[tokio::test]
async fn a_commit_that_hangs_is_given_up_at_the_deadline_by_both_sides() {
    let app = TestApp::start_with(&[("ROUTO_INGEST__COMMIT_DEADLINE", "100ms")]).await;
    let mut blocker = app.database.connect().await;
    sqlx::raw_sql("begin; lock table delivery_reports in access exclusive mode")
        .execute(&mut blocker)
        .await
        .unwrap();
    let answer = app.send(report()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    // However long it goes on, nobody is told otherwise, and it does not use up connections.
    for _ in 0..20 {
        assert_eq!(app.get("/readyz").await.status, 503);
        assert_eq!(app.send(report()).await.status, 503);
    }
    let ours = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'routo-receiver'";
    eventually("one connection", || async { app.database.value(ours).await.as_u64() <= Some(1) })
        .await;
    sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    eventually("200 again", || async { app.send(report()).await.status == 200 }).await;
    app.stop().await;
}

#[tokio::test]
async fn a_full_queue_is_answered_503_and_nothing_is_acknowledged_that_is_not_stored() {
    let app = TestApp::start_with(&[
        ("ROUTO_INGEST__QUEUE_CAPACITY", "1"),
        ("ROUTO_INGEST__MAX_BATCH_ROWS", "1"),
    ])
    .await;
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..200 {
        sent.spawn(send(app.http, report()));
    }
    let answers = sent.join_all().await;
    let acknowledged = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(acknowledged > 0 && !refused.is_empty(), "{acknowledged} acknowledged");
    assert_eq!(acknowledged + refused.len(), answers.len());
    assert!(refused.iter().all(|answer| answer.body == "too many callbacks at once"));
    assert_eq!(app.rows().await, json!(acknowledged));
    app.stop().await;
}

/// Migrated, with the URL by which it is reached through a proxy.
async fn through_proxy(silent_after: Option<usize>) -> (TestDatabase, String) {
    let database = TestDatabase::create().await;
    let direct = Service::start(settings(&database.url(), &[])).await.unwrap();
    eventually("migrated", || async {
        send(direct.http_address, get("/readyz")).await.status == 200
    })
    .await;
    direct.stop().await;
    let proxy = proxy::start(&database.options, silent_after).await;
    let options = database.options.clone().host("127.0.0.1").port(proxy.port());
    let url =
        sqlx::ConnectOptions::to_url_lossy(&options.ssl_mode(sqlx::postgres::PgSslMode::Disable));
    (database, url.into())
}

#[tokio::test]
async fn commits_are_synchronous_behind_a_pooler_that_drops_startup_options() {
    let (database, url) = through_proxy(None).await;
    database
        .execute(
            "do $$ begin
                 execute format('alter database %I set synchronous_commit = off', current_database());
             end $$;
             create table seen (setting text);
             create function note() returns trigger language plpgsql as $$ begin
                 insert into seen values (current_setting('synchronous_commit'));
                 return new;
             end $$;
             create trigger note before insert on delivery_reports for each row execute function note();",
        )
        .await;
    let service = Service::start(settings(&url, &[])).await.unwrap();
    eventually("200", || async { send(service.http_address, report()).await.status == 200 }).await;
    assert_eq!(
        database.query("select distinct setting from seen").await,
        json!([{ "setting": "on" }])
    );
    service.stop().await;
}

#[tokio::test]
async fn a_connection_that_goes_silent_while_it_is_prepared_is_replaced() {
    // In the middle of the first statements, well after the handshake.
    let (_database, url) = through_proxy(Some(900)).await;
    let service = Service::start(settings(&url, &[])).await.unwrap();
    eventually("200", || async { send(service.http_address, report()).await.status == 200 }).await;
    service.stop().await;
}

#[tokio::test]
async fn a_database_that_takes_no_rows_is_not_ready_and_is_ready_again_by_itself() {
    let app = TestApp::start().await;
    let broken = [
        ("alter table delivery_reports rename to elsewhere", "alter table elsewhere rename to delivery_reports"),
        (
            "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$;
             select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'routo-receiver'",
            "set transaction read write;
             do $$ begin execute format('alter database %I reset default_transaction_read_only', current_database()); end $$",
        ),
    ];
    for (breaks, mends) in broken {
        app.database.execute(breaks).await;
        eventually("503", || async { app.send(report()).await.status == 503 }).await;
        for _ in 0..50 {
            assert_eq!(app.get("/readyz").await.status, 503, "{breaks}");
            assert_eq!(app.send(report()).await.status, 503, "{breaks}");
        }
        app.database.execute(mends).await;
        eventually("200 again", || async { app.send(report()).await.status == 200 }).await;
        assert_eq!(app.get("/readyz").await.status, 200);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_partition_that_was_detached_is_attached_again() {
    let app = TestApp::start().await;
    app.database
        .execute(
            "do $$ declare partition regclass; begin
                 for partition in select inhrelid::regclass from pg_inherits
                     where inhparent = 'delivery_reports'::regclass
                 loop execute format('alter table delivery_reports detach partition %s', partition); end loop;
             end $$;",
        )
        .await;
    eventually("200", || async { app.send(report()).await.status == 200 }).await;
    app.stop().await;
}
