//! What an operator sees: `/metrics`, and the id of a callback.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use routo_receiver::domain::EventKeySource;
use routo_receiver::http::{self, ConnectionLimits, Endpoint};
use routo_receiver::ingest;
use routo_receiver::metrics::{Exposition, IngestMetrics, Listener, Metrics, Sample, SpoolSample};
use routo_receiver::service::Service;
use routo_receiver::spool::{Spool, SpoolOptions};
use routo_receiver::store::PartitionWidth;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::app::{TOKEN, TestApp, settings};
use crate::support::client::{get, request, send};
use crate::support::metrics::{figure, scrape};
use crate::support::postgres::TestDatabase;
use crate::support::store::store;
use crate::support::{eventually, scratch};

#[tokio::test]
async fn every_answer_is_counted_by_kind_account_and_status() {
    let app = TestApp::start().await;
    let admin = app.service.admin_address;
    let before = scrape(admin).await;
    let reports = r#"routo_callbacks_total{kind="delivery-report",account="main",answer="200"}"#;
    assert_eq!(figure(&before, reports), Some(0.0), "a rate needs a zero to begin with");

    for _ in 0..3 {
        assert_eq!(app.report("mess_id=m&status=0&number=1").await.status, 200);
    }
    assert_eq!(app.message("dcs=0&message=hello").await.status, 200);
    assert_eq!(app.report("status=0").await.status, 400);
    assert_eq!(app.get("/delivery-reports/wrong?mess_id=m&status=0&number=1").await.status, 401);
    assert_eq!(app.get("/inbound-messages?user=gateway&pass=wrong").await.status, 401);

    let after = scrape(admin).await;
    for (series, expected) in [
        (reports, 3.0),
        (r#"routo_callbacks_total{kind="inbound-message",account="main",answer="200"}"#, 1.0),
        (r#"routo_callbacks_total{kind="delivery-report",account="other",answer="200"}"#, 0.0),
        (r#"routo_callbacks_total{kind="delivery-report",account="main",answer="400"}"#, 1.0),
        (r#"routo_callbacks_total{kind="delivery-report",account="",answer="401"}"#, 1.0),
        (r#"routo_callbacks_total{kind="inbound-message",account="",answer="401"}"#, 1.0),
        (r#"routo_authentication_failures_total{reason="credentials"}"#, 2.0),
        (r#"routo_rejected_callbacks_total{kind="delivery-report",reason="unusable"}"#, 1.0),
        (r#"routo_answer_seconds_count{kind="delivery-report"}"#, 5.0),
        ("routo_queue_wait_seconds_count", 5.0),
        (r#"routo_batch_rows_sum{to="postgres"}"#, 5.0),
        (r#"routo_batch_rows_sum{to="spool"}"#, 0.0),
        ("routo_queue_callbacks", 0.0),
        ("routo_queue_capacity", 8192.0),
        ("routo_postgres_up", 1.0),
        ("routo_ready", 1.0),
        ("routo_spool_callbacks", 0.0),
        ("routo_spool_oldest_age_seconds", 0.0),
        (r#"routo_postgres_connections{purpose="ingest"}"#, 1.0),
        (r#"routo_partitions_ahead{table="delivery_reports"}"#, 3.0),
        (r#"routo_partitions_ahead{table="inbound_messages"}"#, 3.0),
        (r#"routo_connections{listener="admin"}"#, 1.0),
        (r#"routo_connections_limit{listener="http"}"#, 2048.0),
    ] {
        assert_eq!(figure(&after, series), Some(expected), "{series} in\n{after}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_postgres_refuses_is_counted() {
    let app = TestApp::start().await;
    app.database
        .execute("alter table delivery_reports add constraint no_sevens check (number <> '7')")
        .await;
    assert_eq!(app.report("mess_id=m&status=0&number=7").await.status, 200);
    let figures = scrape(app.service.admin_address).await;
    let series = r#"routo_rejected_callbacks_total{kind="delivery-report",reason="refused"}"#;
    assert_eq!(figure(&figures, series), Some(1.0), "{figures}");
    app.stop().await;
}

#[tokio::test]
async fn the_spool_is_counted_while_postgres_is_away_and_after_a_restart() {
    let data_dir = scratch("counted");
    let more = [("ROUTO_DATA_DIR", data_dir.to_str().unwrap())];
    let away = || settings("postgres://127.0.0.1:1/away", &more);
    let report = get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"));
    let first = Service::start(away()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(send(first.http_address, &report).await.status, 200);
    }
    let figures = scrape(first.admin_address).await;
    for (series, expected) in [
        ("routo_postgres_up", 0.0),
        ("routo_ready", 1.0),
        ("routo_spool_callbacks", 3.0),
        ("routo_spooled_callbacks_total", 3.0),
        (r#"routo_batch_rows_sum{to="spool"}"#, 3.0),
        (r#"routo_postgres_connections{purpose="ingest"}"#, 0.0),
        ("routo_spool_set_aside_files", 0.0),
    ] {
        assert_eq!(figure(&figures, series), Some(expected), "{series} in\n{figures}");
    }
    assert!(figure(&figures, "routo_spool_bytes").unwrap() > 1_000.0);
    let failed = r#"routo_postgres_connects_total{purpose="ingest",outcome="failed"}"#;
    assert!(figure(&figures, failed).unwrap() >= 1.0);
    first.stop().await;

    let second = Service::start(away()).await.unwrap();
    assert_eq!(send(second.http_address, &report).await.status, 200);
    let admin = second.admin_address;
    let figures = scrape(admin).await;
    assert_eq!(figure(&figures, "routo_spool_callbacks"), Some(4.0), "{figures}");
    eventually("the oldest callback grows older", || async {
        figure(&scrape(admin).await, "routo_spool_oldest_age_seconds").unwrap() >= 1.0
    })
    .await;
    second.stop().await;
}

#[tokio::test]
async fn every_answer_names_the_id_under_which_the_callback_is_stored() {
    let app = TestApp::start().await;
    let report = app.report("mess_id=m&status=0&number=1").await;
    let message = app.message("message=hello").await;
    let unusable = app.report("status=0").await;
    for (answer, table) in [
        (&report, "delivery_reports"),
        (&message, "inbound_messages"),
        (&unusable, "rejected_callbacks"),
    ] {
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(app.query(&format!("select id from {table}")).await, json!([{ "id": id }]));
    }
    let others = [
        app.get("/livez").await,
        app.get("/nothing").await,
        app.get("/delivery-reports/wrong").await,
        app.send(request("PUT", "/inbound-messages", &[], b"")).await,
    ];
    let ids: HashSet<_> = others.iter().map(|answer| answer.header("x-request-id")).collect();
    assert!(!ids.contains(&None) && ids.len() == others.len(), "{ids:?}");
    app.stop().await;
}

#[tokio::test]
async fn an_id_that_the_client_sends_is_not_taken_over() {
    let app = TestApp::start().await;
    let answer = app.send(request("GET", "/livez", &["X-Request-Id: mine"], b"")).await;
    assert_ne!(answer.header("x-request-id"), Some("mine"));
    app.stop().await;
}

/// More than the connection limit of the admin listener.
const SCRAPES: usize = 70;

#[tokio::test]
async fn a_disk_that_hangs_costs_only_the_figures_of_the_spool_however_often_they_are_asked_for() {
    let database = TestDatabase::create().await;
    let (hang, goes_on) = mpsc::channel::<()>();
    let goes_on = Mutex::new(goes_on);
    // Like the read of a file on such a disk. Ends with the test, however that ends.
    let figures_of_the_spool = move || {
        let _ended = goes_on.lock().unwrap().recv();
        Some(SpoolSample::default())
    };
    let figures = Exposition::new(&Metrics::default(), Sample::default, figures_of_the_spool);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap();
    let options = SpoolOptions {
        directory: scratch("spool"),
        segment_bytes: 1 << 20,
        max_bytes: 1 << 30,
        min_free_bytes: 0,
    };
    let limits = ingest::Limits {
        queue_capacity: 16,
        max_batch_rows: 16,
        commit_deadline: Duration::from_secs(1),
    };
    let spool = Arc::new(Spool::open(options).unwrap());
    let (ingest, _committer) = ingest::start(
        &store(&database, PartitionWidth::Month),
        spool,
        limits,
        IngestMetrics::default(),
    );
    let connections = ConnectionLimits {
        max_connections: 64,
        max_head_bytes: 16 * 1024,
        max_unauthenticated_bytes: 1 << 20,
        head_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(75),
        shutdown_timeout: Duration::from_secs(5),
    };
    tokio::spawn(http::serve(
        vec![Endpoint { socket: listener, tls: None }],
        http::admin_router(ingest, figures),
        connections,
        Arc::new(EventKeySource::system()),
        Metrics::default().http.listener(Listener::Admin, 64),
        CancellationToken::new(),
    ));
    for _ in 0..SCRAPES {
        // Like Prometheus, which disconnects after its time-out.
        let mut stream = TcpStream::connect(admin).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }
    eventually("a probe is answered", || async { send(admin, get("/livez")).await.status == 200 })
        .await;
    let figures = scrape(admin).await;
    assert!(figure(&figures, "routo_queue_capacity").is_some(), "{figures}");
    assert_eq!(figure(&figures, "routo_spool_bytes"), None, "{figures}");

    drop(hang);
    eventually("the spool has figures", || async {
        figure(&scrape(admin).await, "routo_spool_bytes").is_some()
    })
    .await;
}
