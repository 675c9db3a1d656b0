//! Limits of sizes, times and connections, and requests that are not callbacks.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{TOKEN, TestApp};
use crate::support::client::{parse, request};
use crate::support::eventually;

const REPORT: &str = "mess_id=m&status=0&number=1";

#[tokio::test]
async fn what_is_no_callback_or_too_large_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let report = format!("/delivery-reports/{TOKEN}?{REPORT}");
    let large = vec![b'a'; 262_145];
    let long = "a".repeat(70_000);
    let header = format!("X: {long}");
    let too_long = format!("{report}&x={long}");
    let unannounced = [
        b"POST /inbound-messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n40001\r\n".as_slice(),
        &large,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let cases: [(Vec<u8>, &[u16]); 11] = [
        (request("POST", "/inbound-messages", &[], &large), &[413]),
        (unannounced, &[413]),
        (request("GET", &report, &[&header], b""), &[431]),
        (request("GET", &too_long, &[], b""), &[414, 431]),
        (request("GET", "/", &[], b""), &[404]),
        (request("GET", &format!("/delivery-report/{TOKEN}"), &[], b""), &[404]),
        (request("GET", "/metrics", &[], b""), &[404]),
        (request("PUT", &report, &[], b""), &[405]),
        (request("DELETE", "/inbound-messages", &[], b""), &[405]),
        (b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n".to_vec(), &[400]),
    ];
    for (sent, expected) in &cases {
        let answer = app.send(sent).await;
        let line = String::from_utf8_lossy(&sent[..sent.len().min(60)]).into_owned();
        assert!(expected.contains(&answer.status), "{line}: {answer:?}");
        assert!(!answer.body.contains(TOKEN), "{line}");
    }
    assert_eq!(app.rows().await, json!(0));
    app.stop().await;
}

#[tokio::test]
async fn a_refusal_says_what_would_be_right() {
    let app = TestApp::start().await;
    assert!(app.get("/").await.body.contains("/delivery-reports/<report token>"));
    let put = app.send(request("PUT", "/inbound-messages", &[], b"")).await;
    assert_eq!((put.header("allow"), put.body.as_str()), (Some("GET,POST"), "use GET or POST"));
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_too_slowly_is_let_go() {
    let app = TestApp::start_with(&[
        ("ROUTO_HTTP__HEAD_TIMEOUT", "200ms"),
        ("ROUTO_HTTP__REQUEST_TIMEOUT", "300ms"),
        ("ROUTO_INGEST__COMMIT_DEADLINE", "250ms"),
    ])
    .await;
    let mut answer = Vec::new();
    // A head that never ends, and an idle connection, are closed.
    for beginning in ["GET /livez HTTP/1.1\r\nHost:", ""] {
        let mut stream = TcpStream::connect(app.http).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
        read.await.expect("the connection is closed in time").unwrap();
    }
    // A body that never arrives is answered 408.
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    let head = "POST /inbound-messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nuser=";
    stream.write_all(head.as_bytes()).await.unwrap();
    answer.clear();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(parse(&answer).status, 408);
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_callback() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    let head = format!(
        "POST /delivery-reports/{TOKEN}?{REPORT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx="
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    assert_eq!(app.rows().await, json!(0));
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_stops_sending_still_gets_its_answer() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    let request = format!("GET /delivery-reports/{TOKEN}?{REPORT} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(parse(&answer).status, 200);
    assert_eq!(app.rows().await, json!(1));
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_let_go() {
    let app = TestApp::start_with(&[
        ("ROUTO_HTTP__MAX_CONNECTIONS", "2"),
        ("ROUTO_HTTP__HEAD_TIMEOUT", "300ms"),
    ])
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let stream = TcpStream::connect(app.http).await.unwrap();
        // Until the buffers of both sides are full.
        let requests = "GET /zzz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
        loop {
            let room = tokio::time::timeout(Duration::from_millis(100), stream.writable()).await;
            if room.is_err()
                || stream
                    .try_write(requests.as_bytes())
                    .is_err_and(|e| e.kind() != std::io::ErrorKind::WouldBlock)
            {
                break;
            }
        }
        held.push(stream);
    }
    eventually("there is a place", || async { app.get("/livez").await.status == 200 }).await;
    app.stop().await;
}

#[tokio::test]
async fn a_kept_connection_may_be_idle_longer_than_a_head_may_take() {
    let app = TestApp::start_with(&[
        ("ROUTO_HTTP__HEAD_TIMEOUT", "200ms"),
        ("ROUTO_HTTP__IDLE_TIMEOUT", "1h"),
    ])
    .await;
    let ask = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    let mut answer = Vec::new();
    for _ in 0..2 {
        stream.write_all(ask).await.unwrap();
        answer.clear();
        while !answer.ends_with(b"OK\n") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        // Only time can show that it stays open.
        let read = tokio::time::timeout(Duration::from_millis(600), stream.read_u8()).await;
        assert!(read.is_err(), "{read:?}");
    }
    // A head that has begun has the time of a head.
    stream.write_all(b"GET /li").await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
    read.await.expect("the connection is closed in time").unwrap();
    app.stop().await;
}

#[tokio::test]
async fn a_kept_connection_is_closed_when_its_idle_time_is_over() {
    let app = TestApp::start_with(&[("ROUTO_HTTP__IDLE_TIMEOUT", "100ms")]).await;
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
    read.await.expect("the connection is closed in time").unwrap();
    assert!(answer.ends_with(b"OK\n"));
    app.stop().await;
}

#[tokio::test]
async fn h18_h19_what_is_not_http_is_refused_at_once() {
    let app = TestApp::start_with(&[("ROUTO_HTTP__HEAD_TIMEOUT", "1h")]).await;
    for sent in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02",
        b"\x80\x2e\x01\x00\x02",
    ] {
        let mut stream = TcpStream::connect(app.http).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
        read.await.expect("it is answered at once").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400"), "{sent:?}: {answer:?}");
    }
    app.stop().await;
}
