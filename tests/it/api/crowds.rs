//! More connections than the limit: idle and slow ones are closed in favour of new ones.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{LOGIN, TOKEN, TestApp};
use crate::support::client::{get, parse};
use crate::support::eventually;
use crate::support::metrics::{figure, scrape};

const REPORT: &str = "mess_id=m&status=0&number=1";
const FEW: [(&str, &str); 1] = [("ROUTO_HTTP__MAX_CONNECTIONS", "3")];

/// Opens a connection and sends this.
async fn hold(app: &TestApp, beginning: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    // It may have been closed at once.
    let _ = stream.write_all(beginning.as_bytes()).await;
    stream
}

#[tokio::test]
async fn connections_that_wait_for_their_client_give_way() {
    let unfinished = "GET /delivery-reports/x HTTP/1.1\r\nHost:";
    let post = format!(
        "POST /inbound-messages?{LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\norg="
    );
    let answered = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    for beginning in ["", unfinished, &post, answered] {
        let app = TestApp::start_with(&[
            FEW[0],
            ("ROUTO_HTTP__HEAD_TIMEOUT", "1h"),
            ("ROUTO_HTTP__REQUEST_TIMEOUT", "10min"),
        ])
        .await;
        let mut slow = Vec::new();
        // More than the limit: the probes of the start may still be connected.
        for _ in 0..8 {
            slow.push(hold(&app, beginning).await);
        }
        let report = format!("/delivery-reports/{TOKEN}?{REPORT}");
        eventually("somebody else is served", || async { served(&app, &report).await }).await;
        drop(slow);
        app.stop().await;
    }
}

/// Whether the response is 200; a connection that is closed to make room has none.
async fn served(app: &TestApp, target: &str) -> bool {
    let mut stream = hold(app, &String::from_utf8(get(target)).unwrap()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer.starts_with(b"HTTP/1.1 200 OK")
}

#[tokio::test]
async fn a_gateway_is_served_however_many_connections_others_hold_and_renew() {
    let app = TestApp::start_with(&[("ROUTO_HTTP__MAX_CONNECTIONS", "50")]).await;
    let holders = async {
        loop {
            let mut slow = Vec::new();
            for _ in 0..60 {
                slow.push(hold(&app, "GET /slow HTTP/1.1\r\nX: ").await);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let gateway = async {
        eventually("all places are taken", || async {
            let figures = scrape(app.service.admin_address).await;
            figure(&figures, r#"routo_connections_refused_total{listener="http"}"#) > Some(0.0)
        })
        .await;
        for number in 0..50 {
            let target = format!("/delivery-reports/{TOKEN}?mess_id={number}&status=0&number=1");
            eventually("the gateway is served", || served(&app, &target)).await;
        }
    };
    tokio::select! {
        () = holders => {}
        () = gateway => {}
    }
    assert_eq!(app.rows().await, json!(50));
    app.stop().await;
}

#[tokio::test]
async fn who_is_being_answered_keeps_the_place_and_more_are_answered_a_fast_503() {
    let app = TestApp::start_with(&FEW).await;
    let mut lock = app.database.connect().await;
    sqlx::raw_sql("begin; lock table delivery_reports in access exclusive mode")
        .execute(&mut lock)
        .await
        .unwrap();
    let mut waiting = Vec::new();
    for number in 0..3 {
        let report = format!("/delivery-reports/{TOKEN}?mess_id={number}&status=0&number=1");
        // It may be refused while the probes of the start are connected.
        let stream = eventually_taken(&app, &get(&report)).await;
        waiting.push(stream);
    }
    // Longer than any grace period: only time can show that they stay open.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..20 {
        let answer = app.get("/livez").await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert_eq!(answer.body, "too many connections");
    }
    lock.close().await.unwrap();
    for mut stream in waiting {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(parse(&answer).status, 200);
    }
    assert_eq!(app.rows().await, json!(3));
    app.stop().await;
}

/// Sends it over a connection that is not refused.
async fn eventually_taken(app: &TestApp, request: &[u8]) -> TcpStream {
    loop {
        let mut stream = TcpStream::connect(app.http).await.unwrap();
        let _ = stream.write_all(request).await;
        if !is_closed_soon(&mut stream).await {
            return stream;
        }
    }
}

async fn is_closed_soon(stream: &mut TcpStream) -> bool {
    let mut first = [0];
    tokio::time::timeout(Duration::from_millis(200), stream.peek(&mut first)).await.is_ok()
}
