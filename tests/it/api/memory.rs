//! What is read of a request before it has authenticated, and the bound on all that requests hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{LOGIN, PASSWORD, TOKEN, TestApp};
use crate::support::client::{parse, post, request};
use crate::support::eventually;
use crate::support::metrics::{figure, scrape};

const REPORT: &str = "mess_id=m&status=0&number=1";
const MESSAGE: &str = "org=1&dest=2&message=m";

fn basic(password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("gateway:{password}")))
}

#[tokio::test]
async fn wrong_credentials_in_a_head_are_answered_before_the_body_has_come() {
    let app = TestApp::start().await;
    for (number, target) in (1..).zip([
        format!("/delivery-reports/wrong?{REPORT}"),
        format!("/delivery-reports?user=gateway&pass=wrong&{REPORT}"),
        format!("/inbound-messages?user=gateway&pass=wrong&{MESSAGE}"),
    ]) {
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
        let answer = app.send_from([127, 0, 4, number], &head).await;
        assert_eq!(answer.status, 401, "{target}");
    }
    assert_eq!(app.rows().await, json!(0));
    app.stop().await;
}

#[tokio::test]
async fn credentials_in_the_body_count_as_far_as_the_query_has_none() {
    let app = TestApp::start().await;
    let wrong = "user=gateway&pass=wrong";
    let table = [
        // target, header, body, answer
        (format!("/inbound-messages?{MESSAGE}"), None, LOGIN.to_owned(), 200),
        (format!("/inbound-messages?user=gateway&{MESSAGE}"), None, LOGIN.to_owned(), 200),
        (format!("/inbound-messages?{LOGIN}&{MESSAGE}"), None, wrong.to_owned(), 200),
        (format!("/inbound-messages?{wrong}&{MESSAGE}"), None, LOGIN.to_owned(), 401),
        (format!("/inbound-messages?user=other&{MESSAGE}"), None, LOGIN.to_owned(), 401),
        (format!("/inbound-messages?{MESSAGE}"), Some(basic("wrong")), LOGIN.to_owned(), 200),
        (format!("/inbound-messages?{MESSAGE}"), Some(basic(PASSWORD)), wrong.to_owned(), 401),
        (format!("/inbound-messages?{MESSAGE}"), Some(basic(PASSWORD)), "dcs=0".to_owned(), 200),
        (format!("/delivery-reports?{REPORT}"), Some(basic(PASSWORD)), "x=y".to_owned(), 200),
        (format!("/delivery-reports?{REPORT}"), Some(basic("wrong")), "x=y".to_owned(), 401),
    ];
    for (number, (target, header, body, expected)) in (1..).zip(&table) {
        let headers: Vec<&str> = header.iter().map(String::as_str).collect();
        let sent = request("POST", target, &headers, body.as_bytes());
        let answer = app.send_from([127, 0, 5, number], sent).await;
        assert_eq!(answer.status, *expected, "{target} {header:?} {body}");
    }
    app.stop().await;
}

#[tokio::test]
async fn less_is_read_of_a_body_without_credentials_in_the_head() {
    let app = TestApp::start().await;
    let body = format!("{LOGIN}&{MESSAGE}&x={}", "a".repeat(70_000));
    let refused = app.post("/inbound-messages", body.as_bytes()).await;
    assert_eq!(refused.status, 413);
    assert!(refused.body.contains("larger than 65536 bytes"), "{refused:?}");
    assert!(refused.body.contains("user and pass in its URL"), "{refused:?}");
    let body = format!("{MESSAGE}&x={}", "a".repeat(200_000));
    let taken = app.post(&format!("/inbound-messages?{LOGIN}"), body.as_bytes()).await;
    assert_eq!(taken.status, 200);
    assert_eq!(app.rows().await, json!(1));
    app.stop().await;
}

const SMALL: [(&str, &str); 2] =
    [("ROUTO_HTTP__MAX_BUFFERED_BYTES", "16777216"), ("ROUTO_HTTP__REQUEST_TIMEOUT", "10min")];

/// Sends a head and so much of a body that is longer.
async fn hold(app: &TestApp, target: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", bytes + 1);
    let sent = [head.as_bytes(), vec![b'a'; bytes].as_slice()].concat();
    // The service may close it while it is sent.
    let _ = stream.write_all(&sent).await;
    stream
}

#[tokio::test]
async fn strangers_share_a_quarter_and_the_one_that_has_waited_longest_is_closed() {
    let app = TestApp::start_with(&SMALL).await;
    let closed = || async {
        let figures = scrape(app.service.admin_address).await;
        figure(&figures, r#"routo_connections_closed_for_memory_total{listener="http"}"#)
    };
    // A buffer of 64 KiB is charged as 96 KiB: 42 fit into 4 MiB.
    let mut strangers = Vec::new();
    for _ in 0..100 {
        strangers.push(hold(&app, "/inbound-messages", 60_000).await);
    }
    eventually("58 have gone", || async { closed().await == Some(58.0) }).await;
    let mut first = Vec::new();
    let _ = strangers.remove(0).read_to_end(&mut first).await;
    assert!(first.is_empty());

    // Whoever sends its credentials in the body is a stranger until they have come.
    assert_eq!(app.message("message=m").await.status, 200);
    assert_eq!(app.report(REPORT).await.status, 200);
    let large = format!("{MESSAGE}&x={}", "a".repeat(200_000));
    let taken = app.post(&format!("/inbound-messages?{LOGIN}"), large.as_bytes()).await;
    assert_eq!(taken.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn authenticated_requests_that_do_not_fit_are_answered_503_until_they_do() {
    let app = TestApp::start_with(&SMALL).await;
    let target = format!("/delivery-reports/{TOKEN}?{REPORT}");
    // A buffer of 256 KiB is charged as 384 KiB: 32 fit into 12 MiB.
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(hold(&app, &target, 200_000).await);
    }
    eventually("28 are refused", || async {
        let figures = scrape(app.service.admin_address).await;
        let refused = r#"routo_callbacks_total{kind="delivery-report",account="",answer="503"}"#;
        figure(&figures, refused) == Some(28.0)
    })
    .await;
    let wrong = post(&format!("/delivery-reports/wrong?{REPORT}"), b"x=y");
    assert_eq!(app.send(wrong).await.status, 401);
    drop(held);
    eventually("there is room again", || async {
        let body = vec![b'a'; 200_000];
        app.post(&target, &body).await.status == 200
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn a_large_head_is_the_last_of_its_connection() {
    let app = TestApp::start().await;
    for (padding, expected) in [(100, None), (20_000, Some("close"))] {
        let mut stream = TcpStream::connect(app.http).await.unwrap();
        let head = format!("GET /livez?x={} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(padding));
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = parse(&answer);
        assert_eq!((answer.status, answer.header("connection")), (200, expected), "{padding}");
    }
    app.stop().await;
}

/// As the key below allows it for requests of 65536 + 262144 bytes.
const SMALLEST: [(&str, &str); 1] = [("ROUTO_HTTP__MAX_BUFFERED_BYTES", "6553600")];

#[tokio::test]
async fn the_smallest_budget_holds_the_largest_request() {
    let app = TestApp::start_with(&SMALLEST).await;
    // Each control character takes six bytes in `extra`.
    let body = format!("{MESSAGE}&x={}", "\u{1}".repeat(262_144 - 25));
    let target = format!("/inbound-messages?{LOGIN}&y={}", "%01".repeat(21_000));
    assert_eq!(app.post(&target, body.as_bytes()).await.status, 200);
    let app_of_reports = format!("/delivery-reports/{TOKEN}?{REPORT}&y={}", "%01".repeat(21_000));
    assert_eq!(app.post(&app_of_reports, body.as_bytes()).await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn what_requests_hold_is_a_metric_and_nothing_when_they_are_gone() {
    let app = TestApp::start().await;
    let held = || async {
        let figures = scrape(app.service.admin_address).await;
        figure(&figures, "routo_buffered_bytes")
    };
    let stranger = hold(&app, "/inbound-messages", 60_000).await;
    eventually("its body is counted", || async { held().await == Some(98_304.0) }).await;
    let gateway = hold(&app, &format!("/delivery-reports/{TOKEN}"), 200_000).await;
    eventually("and one more", || async { held().await == Some(98_304.0 + 393_216.0) }).await;
    drop((stranger, gateway));
    eventually("all is given back", || async { held().await == Some(0.0) }).await;
    app.stop().await;
}
