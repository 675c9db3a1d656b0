//! `routo-receiver simulate` with a working service, with broken ones, and with none.

mod arguments;
mod clean;
mod failures;
mod verification;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::app::{PASSWORD, environment};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, program, run, with};
use crate::support::{eventually, goes_to_postgres};

type Environment = Vec<(String, String)>;

struct World {
    database: TestDatabase,
    environment: Environment,
    service: ServiceProcess,
}

/// A service that puts callbacks into Postgres, and the environment that both sides have.
async fn world(more: &[(&str, &str)]) -> World {
    let database = TestDatabase::create().await;
    let environment = with(environment(&database.url()), more);
    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    let listen = service.http.to_string();
    World { database, service, environment: with(environment, &[("ROUTO_HTTP__LISTEN", &listen)]) }
}

/// Exit code, outcome and standard error of a run.
async fn simulate(arguments: &str, environment: &Environment) -> (Option<i32>, Value, String) {
    let arguments = format!("simulate --json {arguments}");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let (code, out, err) = run(&arguments, environment).await;
    (code, serde_json::from_str(&out).unwrap_or_default(), err)
}

#[tokio::test]
async fn everything_that_gateways_send_is_stored_exactly_once_as_it_was_meant() {
    let World { database, environment, service: _service } = world(&[]).await;
    for options in ["", "--torture", "--torture --only message"] {
        let run = format!("--count 1600 --connections 16 --seed 11 {options} --verify");
        let (code, outcome, why) = simulate(&run, &environment).await;
        assert_eq!(code, Some(0), "{outcome} {why}");
        for (key, expected) in [("sent", 1_600), ("acknowledged", 1_600), ("lost", 0)] {
            assert_eq!(outcome[key], json!(expected), "{options}: {key}");
        }
        assert_eq!(outcome["answers"], json!({ "200": 1_600 }));
        assert_eq!(outcome["verification"]["rows"], json!(1_600));
        assert_eq!(outcome["verification"]["differences"], json!([]));
    }
    assert_eq!(database.value("select count(*) from rejected_callbacks").await, json!(0));
}

#[tokio::test]
async fn an_open_loop_by_login_alone_is_told_as_text() {
    let World { database, environment, service: _service } = world(&[]).await;
    let url = database.url();
    let arguments = [
        "simulate",
        "--rate",
        "200",
        "--duration",
        "1s",
        "--user",
        "gateway",
        "--password",
        PASSWORD,
        "--verify",
        &url,
    ];
    let (code, out, err) = run(&arguments, &environment).await;
    assert_eq!(code, Some(0), "{out} {err}");
    assert!(out.contains("sent          200 callbacks in "), "{out}");
    assert!(
        out.contains("lost          0\nattempts      200: 200 x 200\nlatency       p50 "),
        "{out}"
    );
    assert!(out.contains("200 acknowledged callbacks are stored exactly once"), "{out}");
    let rows = database.value("select count(*) from delivery_reports where extra ? 'user'").await;
    assert_eq!(rows, json!(0), "the login is no parameter to be kept");
}

#[tokio::test]
async fn a_seed_sends_the_same_again() {
    let World { database, environment, service: _service } = world(&[]).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (code, outcome, _) =
            simulate("--count 200 --connections 4 --seed 42 --torture", &environment).await;
        assert_eq!((code, &outcome["seed"]), (Some(0), &json!(42)));
        let name = outcome["run"].as_str().unwrap().to_owned();
        let rows = format!(
            "select jsonb_agg(row order by row) from (
                 select replace(to_jsonb(t)::text, '{name}', 'RUN') as row from (
                     select mess_id, number, status, null as text, extra from delivery_reports
                     union all
                     select org, dest, dcs, message, extra from inbound_messages
                 ) t where extra ->> 'simulate' like '{name}-%'
             ) rows"
        );
        runs.push(database.value(&rows).await);
    }
    assert_eq!(runs[0].as_array().unwrap().len(), 200);
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_service_that_says_nothing_loses_every_callback_after_four_attempts() {
    let World { environment, .. } = world(&[]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let run_of = format!("--url {url} --count 6 --connections 6 --timeout 50ms --torture --verify");
    let (code, outcome, why) = simulate(&run_of, &environment).await;
    assert_eq!(code, Some(3), "{outcome} {why}");
    assert!(why.contains("6 callbacks were lost"), "{why}");
    assert_eq!((&outcome["sent"], &outcome["lost"]), (&json!(6), &json!(6)));
    assert_eq!(
        (&outcome["attempts"], &outcome["failures"]),
        (&json!(24), &json!({ "timed-out": 24 }))
    );
    assert_eq!(outcome["verification"]["differences"], json!([]));
}

#[tokio::test]
async fn ctrl_c_ends_a_run_early_and_it_is_reported_and_verified_all_the_same() {
    let World { database, environment, service: _service } = world(&[]).await;
    let mut command = program(
        &["simulate", "--json", "--rate", "500", "--duration", "1h", "--verify"],
        &environment,
    );
    let simulating = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let id = i32::try_from(simulating.id().unwrap()).unwrap();
    eventually("it sends", || async {
        database.value("select count(*) > 20 from delivery_reports").await == json!(true)
    })
    .await;
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let output = simulating.wait_with_output().await.unwrap();
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{outcome}");
    assert_eq!((&outcome["lost"], &outcome["unsent"]), (&json!(0), &json!(0)));
    assert_eq!(outcome["verification"]["rows"], outcome["acknowledged"]);
}
