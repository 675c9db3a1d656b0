//! Request smuggling: for ambiguous and malformed requests, the responses, the stored rows, and that
//! the connection is closed after anything ambiguous.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{TOKEN, TestApp};

/// The statuses of all responses on one connection, and whether it was closed afterwards.
async fn exchange(to: SocketAddr, sent: &str) -> (Vec<u16>, bool) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let _ = stream.write_all(sent.as_bytes()).await;
    let mut received = Vec::new();
    let read = stream.read_to_end(&mut received);
    // No more data means that it stays open; the head timeout is ten times longer.
    let closed = tokio::time::timeout(Duration::from_secs(1), read).await.is_ok();
    let text = String::from_utf8_lossy(&received);
    let statuses =
        text.match_indices("HTTP/1.").map(|(at, _)| text[at + 9..at + 12].parse().unwrap());
    (statuses.collect(), closed)
}

fn row(mess_id: &str) -> String {
    format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=1")
}

#[tokio::test]
async fn no_request_hides_in_another_and_ambiguous_ones_close_the_connection() {
    let app = TestApp::start_with(&[("ROUTO_HTTP__HEAD_TIMEOUT", "30s")]).await;
    // A second request, if the end of the first is taken too early.
    let hidden = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", row("hidden"));
    let post = |headers: &str, rest: &str| {
        format!("POST {} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{rest}", row("seen"))
    };
    let length = hidden.len();
    let chunk = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    let both = format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", chunk.len());
    let other_way = format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", chunk.len());
    let get = |target: &str, version: &str, headers: &str| {
        format!("GET {target} {version}\r\n{headers}\r\n")
    };
    let seen = row("seen");
    let pipelined: String = (0..20).map(|_| get(&seen, "HTTP/1.1", "")).collect();
    // Sent bytes; statuses; whether the connection is closed; number of rows.
    let table: Vec<(String, &[u16], bool, u32)> = vec![
        // Plain lengths: the connection stays open.
        (post(&format!("Content-Length: {length}\r\n"), &hidden), &[200], false, 1),
        (post("Transfer-Encoding: chunked\r\n", &chunk), &[200], false, 1),
        (
            post("Transfer-Encoding: chunked\r\n", &chunk.replacen("\r\n", ";a=b\r\n", 1)),
            &[200],
            false,
            1,
        ),
        (
            get(&seen, "HTTP/1.1", &format!("Content-Length: {length}\r\n")) + &hidden,
            &[200],
            false,
            1,
        ),
        // Both: chunked takes precedence, and nothing is read after it.
        (post(&both, &chunk) + &get(&seen, "HTTP/1.1", ""), &[200], true, 1),
        (post(&other_way, &chunk) + &get(&seen, "HTTP/1.1", ""), &[200], true, 1),
        // Invalid or repeated lengths.
        (
            post(&format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), &hidden),
            &[400],
            true,
            0,
        ),
        (
            post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), &hidden),
            &[400],
            true,
            0,
        ),
        (post(&format!("Content-Length: {length}, {length}\r\n"), &hidden), &[400], true, 0),
        (post(&format!("Content-Length: +{length}\r\n"), &hidden), &[400], true, 0),
        (post(&format!("Content-Length: -{length}\r\n"), &hidden), &[400], true, 0),
        (post(&format!("Content-Length : {length}\r\n"), &hidden), &[400], true, 0),
        (post("Content-Length: 99999999999999999999\r\n", &hidden), &[400], true, 0),
        (post("Content-Length:\r\n", &hidden), &[400], true, 0),
        (post("Transfer-Encoding: xchunked\r\n", &chunk), &[400], true, 0),
        (post("Transfer-Encoding: chunked, identity\r\n", &chunk), &[400], true, 0),
        (post("Transfer-Encoding:\x0bchunked\r\n", &chunk), &[400], true, 0),
        (post("Transfer-Encoding : chunked\r\n", &chunk), &[400], true, 0),
        (get(&seen, "HTTP/1.0", "Transfer-Encoding: chunked\r\n") + &chunk, &[400], true, 0),
        // Odd line ends.
        (post(&format!("X: y\r\n Content-Length: {length}\r\n"), &hidden), &[400], true, 0),
        (post(&format!("X: y\rContent-Length: {length}\r\n"), &hidden), &[400], true, 0),
        (post(&format!("X: \0\r\nContent-Length: {length}\r\n"), &hidden), &[400], true, 0),
        (format!("GET {seen} HTTP/1.1\nHost: x\n\n"), &[200], false, 1),
        (format!("\r\n\r\nGET {seen} HTTP/1.1\r\n\r\n"), &[200], false, 1),
        // Targets and versions.
        (get(&format!("http://other.host:1{seen}"), "HTTP/1.1", ""), &[200], false, 1),
        (get("host:80", "HTTP/1.1", ""), &[404], false, 0),
        (get("*", "HTTP/1.1", ""), &[404], false, 0),
        ("OPTIONS * HTTP/1.1\r\n\r\n".into(), &[404], false, 0),
        ("CONNECT host:80 HTTP/1.1\r\n\r\n".into(), &[404], false, 0),
        (format!("GET {seen}\r\n\r\n"), &[400], true, 0),
        (get(&seen, "HTTP/1.2", ""), &[400], true, 0),
        (get(&seen, "HTTP/3.0", ""), &[400], true, 0),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[], true, 0),
        // Keep-alive.
        (pipelined, &[200; 20], false, 20),
        (get(&seen, "HTTP/1.0", ""), &[200], true, 1),
        (get(&seen, "HTTP/1.0", "Connection: keep-alive\r\n").repeat(2), &[200, 200], false, 2),
        (get(&seen, "HTTP/1.1", "Connection: close\r\n") + &hidden, &[200], true, 1),
        (
            get(&seen, "HTTP/1.1", "Upgrade: h2c\r\nConnection: Upgrade\r\n")
                + &get(&seen, "HTTP/1.1", ""),
            &[200, 200],
            false,
            2,
        ),
        (post("Expect: 100-continue\r\nContent-Length: 3\r\n", "a=b"), &[100, 200], false, 1),
    ];
    // All at once, each with rows of its own name: most of it is waiting whether more comes.
    let exchanges = (0..).zip(&table).map(|(number, (sent, ..))| {
        let sent = sent.replace("mess_id=seen", &format!("mess_id=seen-{number}"));
        let app = app.http;
        tokio::spawn(async move { exchange(app, &sent).await })
    });
    let mut found = Vec::new();
    for exchange in exchanges.collect::<Vec<_>>() {
        found.push(exchange.await.unwrap());
    }
    let mut wrong = Vec::new();
    for ((number, (sent, answers, closed, rows)), found) in (0..).zip(&table).zip(found) {
        let stored = app
            .database
            .value(&format!(
                "select count(*) from delivery_reports where mess_id = 'seen-{number}'"
            ))
            .await;
        if found != (answers.to_vec(), *closed) || stored != json!(rows) {
            wrong.push(format!("{sent:?}\n   expected {answers:?}, closed {closed}, {rows} rows\n   found {found:?}, {stored}"));
        }
    }
    let expected: u32 = table.iter().map(|(.., rows)| rows).sum();
    assert_eq!(app.rows().await, json!(expected), "nothing hidden is stored");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    app.stop().await;
}
