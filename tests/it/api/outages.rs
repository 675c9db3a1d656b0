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
use crate::support::proxy::Proxy;
use crate::support::{eventually, goes_to_postgres};

fn report() -> Vec<u8> {
    get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"))
}

async fn goes_to_the_spool(admin: SocketAddr) -> bool {
    let answer = send(admin, get("/readyz")).await;
    answer.status == 200 && answer.body == "OK: callbacks go to the spool, as Postgres is away"
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

    // A start while Postgres is away and not yet migrated.
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

async fn rows(database: &TestDatabase) -> u64 {
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
        assert_eq!(answer.body, "the callback can't be stored just now");
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

/// A migrated database, and its URL through a proxy.
async fn through_proxy(silent_after: Option<usize>) -> (TestDatabase, String) {
    let database = TestDatabase::create().await;
    let direct = Service::start(settings(&database.url(), &[])).await.unwrap();
    eventually("migrated", || goes_to_postgres(direct.admin_address)).await;
    direct.stop().await;
    let proxy = Proxy { silent_after, without_options: true, ..Proxy::default() };
    let (host, port) = (database.options.get_host(), database.options.get_port());
    let proxy = proxy.start(host, port).await;
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
    eventually("ready", || goes_to_postgres(service.admin_address)).await;
    assert_eq!(send(service.http_address, report()).await.status, 200);
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
    eventually("ready", || goes_to_postgres(service.admin_address)).await;
    service.stop().await;
}

#[tokio::test]
async fn what_a_database_does_not_take_is_in_it_once_it_does() {
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
    let mut sent = 0;
    for (breaks, mends) in broken {
        app.database.execute(breaks).await;
        for _ in 0..50 {
            assert_eq!(app.send(report()).await.status, 200, "{breaks}");
            assert!(goes_to_the_spool(app.service.admin_address).await, "{breaks}");
        }
        app.database.execute(mends).await;
        sent += 50;
        eventually("drained", || async { rows(&app.database).await == sent }).await;
        assert!(goes_to_postgres(app.service.admin_address).await);
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
    assert_eq!(app.send(report()).await.status, 200);
    eventually("stored", || async { rows(&app.database).await == 1 }).await;
    app.stop().await;
}

#[tokio::test]
async fn a_database_that_was_made_anew_during_an_outage_is_migrated_and_takes_what_was_spooled() {
    let app = TestApp::start().await;
    app.database
        .execute(
            "drop schema public cascade; create schema public;
             select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'routo-receiver'",
        )
        .await;
    for _ in 0..20 {
        assert_eq!(app.send(report()).await.status, 200);
    }
    eventually("migrated", || async {
        let there = "select to_regclass('delivery_reports') is not null";
        app.database.value(there).await == json!(true)
    })
    .await;
    eventually("stored", || async { rows(&app.database).await == 20 }).await;
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_postgres_fails_with_an_error_of_the_user_s_own_blocks_nobody() {
    let app = TestApp::start().await;
    app.database
        .execute(
            "create function poison() returns trigger language plpgsql as $$ begin
                 if new.status = '13' then raise exception 'no' using errcode = '45000'; end if;
                 return new;
             end $$;
             create trigger poison before insert on delivery_reports
                 for each row execute function poison();",
        )
        .await;
    for number in 0..20 {
        let status = if number == 7 { 13 } else { 0 };
        let answer = app.report(&format!("mess_id=m{number}&status={status}&number=1")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    eventually("its neighbours are stored", || async { rows(&app.database).await == 19 }).await;
    eventually("it is rejected", || async {
        let rejected = "select count(*) from rejected_callbacks where reason like '%45000%'";
        app.database.value(rejected).await == json!(1)
    })
    .await;
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
