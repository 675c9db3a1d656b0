//! Answers that are sent before the request has been read reach a client that is still sending it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{LOGIN, TOKEN, TestApp};
use crate::support::client::{Answer, parse};

const BODY: usize = 4 * 1024 * 1024;

/// Sends all of the request, as clients do, before it reads the answer.
async fn send_all(app: &TestApp, head: &str) -> Answer {
    let mut stream = TcpStream::connect(app.http).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'a'; BODY]).await.expect("the service reads on");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the connection is not reset");
    parse(&answer)
}

#[tokio::test]
async fn an_answer_before_the_body_reaches_a_client_that_is_still_sending() {
    let app = TestApp::start().await;
    let announced = format!("Content-Length: {BODY}");
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{BODY:x}");
    for (target, length, expected) in [
        ("/delivery-reports/wrong".to_owned(), &announced, 401),
        ("/inbound-messages?user=gateway&pass=wrong".to_owned(), &announced, 401),
        (format!("/delivery-reports/{TOKEN}"), &announced, 413),
        (format!("/inbound-messages?{LOGIN}"), &chunked, 413),
        ("/inbound-messages".to_owned(), &chunked, 413),
        ("/nothing-here".to_owned(), &announced, 404),
    ] {
        let end = if length == &chunked { "\r\n" } else { "\r\n\r\n" };
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\n{length}{end}");
        let answer = send_all(&app, &head).await;
        assert_eq!(answer.status, expected, "{target} {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{target}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_refused_head_is_answered_while_the_client_is_still_sending() {
    let app = TestApp::start().await;
    let answer = send_all(&app, "GET /livez HTTP/1.1\r\nX: ").await;
    assert_eq!(answer.status, 431);
    app.stop().await;
}
