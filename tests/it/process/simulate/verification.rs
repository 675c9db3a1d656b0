//! `simulate --verify`: rows that differ, rows that come late, and a database that can't be asked.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use simulator::Connection;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::eventually;
use crate::support::postgres::TestDatabase;
use crate::support::process::{program, run};

use super::{World, simulate, world};

/// Adds a trigger that does this before or after each insert.
async fn broken(database: &TestDatabase, when: &str, table: &str, does: &str) {
    database
        .execute(&format!(
            "create function break() returns trigger language plpgsql as $$ begin {does} end $$;
             create trigger break {when} insert on {table}
             for each row when (pg_trigger_depth() = 0) execute function break()"
        ))
        .await;
}

/// After the service has seen that the row is stored.
const LOSES_REPORTS: &str = "delete from delivery_reports where id = new.id; return null;";

#[tokio::test]
async fn a_service_that_is_broken_is_found_out() {
    // What the trigger does, the kind of difference, and its description.
    let cases = [
        (
            "after",
            "delivery_reports",
            LOSES_REPORTS,
            "missing",
            "was acknowledged and is not stored",
        ),
        (
            "after",
            "delivery_reports",
            "new.id = gen_random_uuid(); insert into delivery_reports select new.*; return null;",
            "doubled",
            "is stored more than once",
        ),
        (
            "before",
            "inbound_messages",
            "new.message = new.message || '\x1b'; return new;",
            "different",
            "callback 0: message of attempt 1 should be ",
        ),
        // It is kept among the rejected ones.
        (
            "before",
            "delivery_reports",
            "return null;",
            "different",
            "callback 0: the table of attempt 1 should be \"its own\" and is \"rejected_callbacks\"",
        ),
        (
            "before",
            "inbound_messages",
            "new.extra = new.extra - 'attempt'; return new;",
            "unexpected",
            "a row that matches no attempt",
        ),
    ];
    for (when, table, does, kind, words) in cases {
        let World { database, environment, service: _service } = world(&[]).await;
        broken(&database, when, table, does).await;
        let only = if table == "delivery_reports" { "report" } else { "message" };
        let run_of =
            format!("--count 30 --connections 2 --verify --verify-wait 50ms --only {only}");
        let (code, outcome, why) = simulate(&run_of, &environment).await;
        assert_eq!(code, Some(4), "{kind}: {outcome} {why}");
        assert!(why.contains("differences between what was acknowledged"), "{why}");
        assert_eq!((&outcome["acknowledged"], &outcome["lost"]), (&json!(30), &json!(0)));
        assert_eq!(outcome["verification"][kind], json!(30), "{outcome}");
        let differences = outcome["verification"]["differences"].as_array().unwrap();
        assert!(differences.iter().any(|said| said.as_str().unwrap().contains(words)), "{outcome}");

        let text = format!("simulate {run_of}");
        let (code, out, _) = run(&text.split(' ').collect::<Vec<_>>(), &environment).await;
        assert_eq!(code, Some(4));
        assert!(out.contains("WRONG") && out.contains("more\n"), "{out}");
        assert!(!out.contains('\x1b'), "{out}");
    }
}

/// Forwards requests without a body to the service, and delays the responses to attempts with this number.
async fn slow_to(attempt: &'static str, service: SocketAddr, late: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass(stream, attempt, service, late));
        }
    });
    address
}

async fn pass(mut stream: TcpStream, attempt: &str, service: SocketAddr, late: Duration) {
    let mut connection = Connection::new(service, true);
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
        if request.ends_with(b"\r\n\r\n") {
            let answer = connection.exchange(&request).await.unwrap();
            if String::from_utf8_lossy(&request).contains(&format!("attempt={attempt} ")) {
                tokio::time::sleep(late).await;
            }
            let answer = [answer.head, answer.body].concat();
            // The sender may have disconnected.
            let _ = stream.write_all(&answer).await;
            request.clear();
        }
    }
}

#[tokio::test]
async fn an_attempt_that_was_stored_and_answered_too_late_is_no_difference() {
    let World { environment, service, .. } = world(&[]).await;
    let late = slow_to("1", service.http, Duration::from_mins(1)).await;
    let run_of = format!(
        "--url http://{late} --count 40 --connections 20 --timeout 300ms --only report --verify"
    );
    let (code, outcome, why) = simulate(&run_of, &environment).await;
    assert_eq!(code, Some(0), "{outcome} {why}");
    assert_eq!(outcome["acknowledged"], json!(40));
    assert_eq!(outcome["repeated"], json!(40));
    assert_eq!(outcome["failures"], json!({ "timed-out": 40 }));
    assert_eq!(outcome["verification"]["rows"], json!(80), "both attempts are rows");
    // Measured from the first attempt, not from the acknowledged one.
    assert!(outcome["latency_ms"]["p50"].as_f64().unwrap() >= 300.0, "{outcome}");
}

#[tokio::test]
async fn what_is_acknowledged_and_still_in_the_spool_is_waited_for() {
    let World { database, environment, service } =
        world(&[("ROUTO_INGEST__COMMIT_DEADLINE", "300ms")]).await;
    let mut holding = database.connect().await;
    // Writers wait, readers do not.
    sqlx::raw_sql("begin; lock table delivery_reports in exclusive mode")
        .execute(&mut holding)
        .await
        .unwrap();
    let run_of = "simulate --json --count 50 --connections 5 --only report --verify";
    let simulating = program(&run_of.split(' ').collect::<Vec<_>>(), &environment).output();
    let simulating = tokio::spawn(simulating);
    eventually("all of it is in the spool", || async {
        run(&["spool", "status"], &environment).await.1.starts_with("up to 50 callbacks")
    })
    .await;
    drop(holding);
    let output = simulating.await.unwrap().unwrap();
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{outcome}");
    assert_eq!(outcome["verification"]["rows"], json!(50));
    assert!(service.has_logged("callbacks go to the spool"));
}

#[tokio::test]
async fn what_came_of_a_run_is_told_though_the_database_can_t_be_asked_any_more() {
    for as_json in [false, true] {
        let World { database, environment, service: _service } = world(&[]).await;
        let format = if as_json { "--json" } else { "--torture" };
        let arguments =
            ["simulate", format, "--rate", "50", "--duration", "2s", "--verify", "--verify-wait"];
        let mut command = program(&[&arguments[..], &["100ms"]].concat(), &environment);
        let simulating = tokio::spawn(command.output());
        eventually("it sends", || async {
            database.value("select count(*) > 2 from delivery_reports").await == json!(true)
        })
        .await;
        // The service's own connection is not affected.
        let elsewhere = TestDatabase::create().await;
        let name = database.options.get_database().unwrap();
        elsewhere.execute(&format!("alter database {name} allow_connections false")).await;
        let output = simulating.await.unwrap().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{out} {err}");
        assert!(err.contains("Postgres"), "{err}");
        if as_json {
            let outcome: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(outcome["acknowledged"], json!(100), "{outcome}");
            assert_eq!(outcome["verification"], Value::Null);
            assert!(outcome["not_verified"].as_str().unwrap().contains("Postgres"), "{outcome}");
        } else {
            assert!(out.contains("acknowledged  100, 0 of them"), "{out}");
            assert!(!out.contains("verified"), "{out}");
        }
    }
}

#[tokio::test]
async fn whoever_does_not_want_to_wait_for_what_is_missing_is_told_at_once() {
    let World { database, environment, service: _service } = world(&[]).await;
    broken(&database, "after", "delivery_reports", LOSES_REPORTS).await;
    let arguments = "simulate --count 10 --only report --connections 2 --verify --verify-wait 1h";
    let mut command = program(&arguments.split(' ').collect::<Vec<_>>(), &environment);
    let mut simulating = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let id = i32::try_from(simulating.id().unwrap()).unwrap();
    let mut lines = BufReader::new(simulating.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.starts_with("latency") {
            break;
        }
    }
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let database = lines.next_line().await.unwrap().unwrap();
    assert!(database.starts_with("database "), "{database}");
    let verified = lines.next_line().await.unwrap().unwrap();
    let expected = "WRONG: no row of this run is in that database";
    assert!(verified.contains(expected) && verified.contains("10 missing"), "{verified}");
    // Otherwise its output pipe would break.
    while lines.next_line().await.unwrap().is_some() {}
    assert_eq!(simulating.wait().await.unwrap().code(), Some(4));
}

#[tokio::test]
async fn the_database_that_was_read_is_named_and_that_it_has_no_row_of_the_run() {
    let World { environment, service: _service, .. } = world(&[]).await;
    let wrong = TestDatabase::create().await;
    let url = wrong.url();
    let of_wrong = crate::support::app::environment(&url);
    assert_eq!(run(&["migrate"], &of_wrong).await.0, Some(0));
    let arguments = ["simulate", "--count", "5", "--connections", "1", "--verify-wait", "50ms"];
    let arguments = [&arguments[..], &["--verify", &url]].concat();
    let (code, out, err) = run(&arguments, &environment).await;
    assert_eq!(code, Some(4), "{err}");
    let name = wrong.options.get_database().unwrap();
    let port = wrong.options.get_port();
    let database = format!("host 127.0.0.1, port {port}, database {name}");
    assert!(out.contains(&format!("\ndatabase      {database}\n")), "{out}");
    assert!(out.contains("WRONG: no row of this run is in that database"), "{out}");

    let arguments = format!("--count 1 --connections 1 --verify-wait 50ms --verify {url}");
    let (_, outcome, _) = simulate(&arguments, &environment).await;
    assert_eq!(outcome["database"], json!(database));
}
