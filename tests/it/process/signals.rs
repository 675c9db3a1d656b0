//! Stopping loses nothing that was acknowledged.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{TOKEN, environment};
use crate::support::postgres::TestDatabase;
use crate::support::process::ServiceProcess;
use crate::support::{eventually, goes_to_postgres};

async fn ready(database: &TestDatabase) -> ServiceProcess {
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.http)).await;
    service
}

/// Sends reports over one connection after another until connections are refused; returns the ids of
/// those that were answered 200.
async fn report_until_refused(to: std::net::SocketAddr, client: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut serial = 0;
    'connections: while let Ok(mut stream) = TcpStream::connect(to).await {
        loop {
            serial += 1;
            let mess_id = format!("c{client}-{serial}");
            let request = format!(
                "GET /delivery-reports/{TOKEN}?status=0&number=1&mess_id={mess_id} HTTP/1.1\r\nHost: x\r\n\r\n"
            );
            let mut answer = Vec::new();
            if stream.write_all(request.as_bytes()).await.is_err() {
                continue 'connections;
            }
            while !answer.ends_with(b"\r\n\r\nOK") {
                match stream.read_buf(&mut answer).await {
                    Ok(0) | Err(_) => continue 'connections,
                    Ok(_) => {}
                }
            }
            acknowledged.push(mess_id);
        }
    }
    acknowledged
}

async fn stop_under_load(signal: Signal) {
    let database = TestDatabase::create().await;
    let service = ready(&database).await;
    let clients: Vec<_> =
        (0..32).map(|client| tokio::spawn(report_until_refused(service.http, client))).collect();
    eventually("under load", || async {
        database.value("select count(*) from delivery_reports").await.as_u64() > Some(2_000)
    })
    .await;
    service.signal(signal);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0), "{log}");
    let mut acknowledged = HashSet::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    let stored =
        database.query("select mess_id, count(*) from delivery_reports group by mess_id").await;
    let stored: HashSet<String> = stored
        .as_array()
        .unwrap()
        .iter()
        .inspect(|row| assert_eq!(row["count"], json!(1), "{row}"))
        .map(|row| row["mess_id"].as_str().unwrap().to_owned())
        .collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(acknowledged.len() > 2_000 - 32, "{}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing_acknowledged_and_exits_0() {
    stop_under_load(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigint_under_load_loses_nothing_acknowledged_and_exits_0() {
    stop_under_load(Signal::INT).await;
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_end() {
    let database = TestDatabase::create().await;
    let service = ready(&database).await;
    let mut stream = TcpStream::connect(service.http).await.unwrap();
    let form = b"mess_id=m&status=0&number=1";
    let head = format!(
        "POST /delivery-reports/{TOKEN} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // An interim response says that the service is reading the body.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
    assert!(answer.starts_with(b"HTTP/1.1 100"));
    service.signal(Signal::TERM);
    eventually("no new connections", || async { TcpStream::connect(service.http).await.is_err() })
        .await;
    stream.write_all(form).await.unwrap();
    answer.clear();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let (code, _) = service.end().await;
    assert_eq!(code, Some(0));
    assert_eq!(database.value("select count(*) from delivery_reports").await, json!(1));
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let database = TestDatabase::create().await;
    let service = ready(&database).await;
    // A request that would keep the service for its shutdown timeout of 10 seconds.
    let mut stream = TcpStream::connect(service.http).await.unwrap();
    stream.write_all(b"POST /inbound-messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    service.signal(Signal::TERM);
    eventually("stopping", || async { TcpStream::connect(service.http).await.is_err() }).await;
    let second = Instant::now();
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(130));
    assert!(second.elapsed() < Duration::from_secs(5), "{:?}", second.elapsed());
    assert!(log.contains("stopping at once"), "{log}");
}

#[tokio::test]
async fn requests_that_never_end_do_not_hold_up_the_stop_beyond_its_bound() {
    let database = TestDatabase::create().await;
    let mut environment = environment(&database.url());
    environment.push(("ROUTO_HTTP__SHUTDOWN_TIMEOUT".into(), "200ms".into()));
    let service = ServiceProcess::start(&environment).await;
    let mut stream = TcpStream::connect(service.http).await.unwrap();
    stream.write_all(b"POST /inbound-messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("did not finish in time"), "{log}");
}
