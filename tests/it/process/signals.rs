//! Signals: a stop loses nothing that was acknowledged, SIGHUP reads the log level again, and the others
//! do nothing.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{TOKEN, environment};
use crate::support::client;
use crate::support::postgres::TestDatabase;
use crate::support::process::{Process, ServiceProcess, addresses, program};
use crate::support::scratch::scratch;
use crate::support::{eventually, goes_to_postgres};

async fn ready(database: &TestDatabase) -> ServiceProcess {
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
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
            while !answer.ends_with(b"\r\n\r\nOK\n") {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigquit_under_load_loses_nothing_acknowledged_and_exits_0() {
    stop_under_load(Signal::QUIT).await;
}

#[tokio::test]
async fn signals_that_ask_for_nothing_do_nothing() {
    let database = TestDatabase::create().await;
    let service = ready(&database).await;
    let mut numbers: Vec<i32> = [
        Signal::HUP,
        Signal::PIPE,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::XCPU,
        Signal::XFSZ,
        Signal::STKFLT,
        Signal::POWER,
    ]
    .map(Signal::as_raw)
    .to_vec();
    numbers.extend(35..=64);
    for number in numbers {
        // The real-time signals have no names that rustix knows.
        let id = service.id().to_string();
        let sent = std::process::Command::new("kill").args([format!("-{number}"), id]).status();
        assert!(sent.unwrap().success());
        let report = format!("/delivery-reports/{TOKEN}?mess_id={number}&status=0&number=1");
        let answer = client::send(service.http, client::get(&report)).await;
        assert_eq!(answer.status, 200, "after signal {number}");
    }
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn sighup_reads_the_log_level_again_and_a_wrong_configuration_changes_nothing() {
    let database = TestDatabase::create().await;
    let file = scratch("routo-receiver.toml");
    fs::write(&file, "[log]\nlevel = \"info\"\n").unwrap();
    let arguments = ["serve", "--config", file.to_str().unwrap()];
    let mut service = Process::spawn(program(&arguments, &environment(&database.url())));
    let (http, admin) = service.until_logged("the service listens", addresses).await;
    eventually("ready", || goes_to_postgres(admin)).await;
    let report = async |mess_id: &str| {
        let target = format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=1");
        client::send(http, client::get(&target)).await
    };
    let is = |text: &'static str| {
        move |line: &serde_json::Value| line["message"].as_str()?.contains(text).then_some(())
    };
    assert_eq!(report("1").await.status, 200);

    fs::write(&file, "[log]\nlevel = \"loud\"\n").unwrap();
    service.signal(Signal::HUP);
    service.until_logged("why not", is("can't be read again: log.level stays")).await;
    assert_eq!(report("2").await.status, 200);
    assert!(!service.log().contains("DEBUG"), "{}", service.log());

    fs::write(&file, "[log]\nlevel = \"debug\"\n").unwrap();
    service.signal(Signal::HUP);
    service.until_logged("the level", is("log.level was read again")).await;
    assert_eq!(report("3").await.status, 200);
    service.until_logged("a line for each request", is("request")).await;
    assert_eq!(service.terminate().await, Some(0));
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
    // A request that keeps the service for the commit deadline of 9 seconds.
    let mut lock = database.connect().await;
    sqlx::raw_sql("begin; lock table delivery_reports in access exclusive mode")
        .execute(&mut lock)
        .await
        .unwrap();
    let mut stream = TcpStream::connect(service.http).await.unwrap();
    let report = format!("/delivery-reports/{TOKEN}?status=0&number=1&mess_id=m");
    stream.write_all(&crate::support::client::get(&report)).await.unwrap();
    eventually("its insert waits", || async {
        let waiting = "select count(*) from pg_locks where not granted";
        database.value(waiting).await == json!(1)
    })
    .await;
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

#[tokio::test]
async fn half_a_request_does_not_hold_up_the_stop() {
    let database = TestDatabase::create().await;
    let service = ready(&database).await;
    let mut held = Vec::new();
    for beginning in [
        "POST /inbound-messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nuser=",
        "GET /livez HTTP/1.1\r\nHost:",
        "",
    ] {
        let mut stream = TcpStream::connect(service.http).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let stopping = Instant::now();
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0));
    assert!(!log.contains("did not finish in time"), "{log}");
    // The timeout is 10 seconds.
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
}
