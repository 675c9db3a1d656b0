//! Day two: `status`, `psql`, and `check --connect`.

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};
use crate::support::{eventually, goes_to_postgres};

type Environment = Vec<(String, String)>;

/// A service with callbacks, and the environment in which commands find it.
async fn running() -> (TestDatabase, Environment, ServiceProcess) {
    let database = TestDatabase::create().await;
    let environment = with(
        environment(&database.url()),
        &[("ROUTO_ACCOUNTS__MAIN__PREVIOUS_PASSWORD", "previous-p4ssword")],
    );
    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    for (target, status) in [
        (format!("/delivery-reports/{TOKEN}?mess_id=a&status=0&number=447700900123"), 200),
        (format!("/delivery-reports/{TOKEN}?mess_id=a"), 400),
        (format!("/inbound-messages?{LOGIN}&org=447700900123&dest=447700900000&message=x"), 200),
    ] {
        assert_eq!(send(service.http, get(&target)).await.status, status);
    }
    let admin = service.admin.to_string();
    (database, with(environment, &[("ROUTO_ADMIN__LISTEN", &admin)]), service)
}

async fn status(environment: &Environment) -> (Option<i32>, Value) {
    let (code, out, _) = run(&["status", "--json"], environment).await;
    (code, serde_json::from_str(&out).unwrap())
}

#[tokio::test]
async fn status_says_on_one_screen_that_all_is_well() {
    let (database, environment, _service) = running().await;
    let (code, out, err) = run(&["status"], &environment).await;
    assert_eq!(code, Some(0), "{out} {err}");
    let port = database.options.get_port();
    let name = database.options.get_database().unwrap();
    for expected in [
        "All is well.\n",
        "service     OK: callbacks go to Postgres\n",
        &format!("database    host 127.0.0.1, port {port}, database {name}\n"),
        "            Postgres 1",
        "partitions  ready ahead: 3 of delivery_reports, 3 of inbound_messages\n",
        " 0 files set aside in ",
        "rejected    1 since midnight UTC\n",
        "\n  main\n    last delivery-report: 20",
        "\n    last inbound-message: 20",
        "\n    previous_password is accepted, too; not used since the service started\n",
        "\n  other\n    last delivery-report: none in 7 days\n",
    ] {
        assert!(out.contains(expected), "no {expected} in {out}");
    }
    assert!(out.lines().count() <= 24, "one screen: {out}");
    assert!(!out.contains("p4ssword"), "{out}");

    let (code, status) = status(&environment).await;
    assert_eq!((code, &status["well"], &status["problems"]), (Some(0), &json!(true), &json!([])));
    assert_eq!(status["database"]["partitions_ahead"]["delivery_reports"], json!(3));
    assert_eq!(status["accounts"][1]["last"]["inbound-message"], Value::Null);
    let previous = &status["accounts"][0]["previous_credentials"][0];
    let unused =
        json!({ "key": "previous_password", "used_since_start": false, "last_used": null });
    assert_eq!(previous, &unused);
    let difference = status["database"]["clock_difference_seconds"].as_f64().unwrap();
    assert!(difference.abs() < 5.0, "{status}");
}

#[tokio::test]
async fn status_says_when_a_previous_credential_was_last_used() {
    let (_database, environment, service) = running().await;
    let old = "/inbound-messages?user=gateway&pass=previous-p4ssword&org=1&dest=2&message=x";
    assert_eq!(send(service.http, get(old)).await.status, 200);
    let (_, out, _) = run(&["status"], &environment).await;
    assert!(out.contains("\n    previous_password is accepted, too; last used 20"), "{out}");
    drop(service);
    let (_, out, _) = run(&["status"], &environment).await;
    assert!(out.contains("\n    previous_password is accepted, too; last used: unknown"), "{out}");
}

#[tokio::test]
async fn status_says_what_is_wrong_and_the_exit_code_is_1() {
    let (database, environment, service) = running().await;
    database.execute("alter table rejected_callbacks set unlogged").await;
    drop(service);
    let (code, found) = status(&environment).await;
    assert_eq!((code, &found["well"]), (Some(1), &json!(false)));
    let problems = found["problems"].to_string();
    assert!(problems.contains("no service answers on 127.0.0.1:"), "{problems}");
    assert!(
        problems.contains("unlogged tables") && problems.contains("rejected_callbacks"),
        "{problems}"
    );

    let away = with(environment, &[("DATABASE_URL", "postgres://me:p4ss@127.0.0.1:1/nothing")]);
    let (code, out, err) = run(&["status"], &away).await;
    assert_eq!(code, Some(1));
    assert!(out.starts_with("Problems:\n"), "{out}");
    assert!(out.contains("the database can't be used: can't connect to Postgres"), "{out}");
    assert!(out.contains("host 127.0.0.1, port 1, database nothing"), "{out}");
    assert!(err.contains("not all is well (problems: 2)"), "{err}");
    assert!(!out.contains("p4ss"), "{out}");
}

#[tokio::test]
async fn a_role_that_may_not_read_the_tables_is_told_the_rest() {
    let (database, environment, _service) = running().await;
    let name = database.options.get_database().unwrap();
    let role = format!("of_{name}");
    database
        .execute(&format!(
            "create role {role} login password 'p4ss';
             grant select on _sqlx_migrations, callback_partitions to {role}"
        ))
        .await;
    let port = database.options.get_port();
    let url = format!("postgres://{role}:p4ss@127.0.0.1:{port}/{name}");
    let (code, out, err) = run(&["status"], &with(environment, &[("DATABASE_URL", &url)])).await;
    assert_eq!(code, Some(0), "{out} {err}");
    assert!(
        out.contains("rejected    unknown\n") && out.contains("last callbacks: unknown"),
        "{out}"
    );
}

#[tokio::test]
async fn psql_opens_the_configured_database_and_the_embedded_one() {
    let (database, environment, _service) = running().await;
    let ask = ["psql", "-X", "-At", "-c", "select count(*) from inbox"];
    let (code, out, err) = run(&ask, &environment).await;
    assert_eq!((code, out.as_str()), (Some(0), "1\n"), "{err}");
    // The command line of this very psql, as other users of the machine see it.
    let password = sqlx::ConnectOptions::to_url_lossy(&database.options);
    let password = password.password().unwrap();
    let seen = ["psql", "-X", "-At", "-c", r"\! tr '\\0' ' ' < /proc/$PPID/cmdline"];
    let (code, out, err) = run(&seen, &environment).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("psql") && !out.contains(password), "{out}");

    let embedded: Vec<_> = crate::support::app::environment("")
        .into_iter()
        .filter(|(name, _)| name != "DATABASE_URL")
        .collect();
    let (code, _, err) = run(&ask, &embedded).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("no service has run its embedded database in"), "{err}");
    let service = ServiceProcess::start(&embedded).await;
    let (code, out, err) = run(&ask, &embedded).await;
    assert_eq!((code, out.as_str()), (Some(0), "0\n"), "{err}");
    service.signal(Signal::TERM);
    assert_eq!(service.end().await.0, Some(0));
    for command in [&ask[..], &["check", "--connect"], &["simulate", "--verify"]] {
        let (code, _, err) = run(command, &embedded).await;
        assert_eq!(code, Some(1), "{command:?}");
        assert!(err.contains("runs only while the service does; start"), "{command:?}: {err}");
    }
}

#[tokio::test]
async fn check_connects_only_when_it_is_told_to_and_names_the_database() {
    let database = TestDatabase::create().await;
    let found = environment(&database.url());
    let (code, out, err) = run(&["check", "--connect"], &found).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("`serve` brings its schema up to date"), "{out}");
    assert_eq!(run(&["migrate"], &found).await.0, Some(0));
    let (_, out, _) = run(&["check", "--connect"], &found).await;
    assert!(out.contains("answers, and its schema is up to date"), "{out}");

    let away = environment("postgres://me:p4ss@127.0.0.1:1/nothing");
    assert_eq!(run(&["check"], &away).await.0, Some(0));
    let (code, out, err) = run(&["check", "--connect"], &away).await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("can't be used (host 127.0.0.1, port 1, database nothing): can't connect"),
        "{err}"
    );
    assert!(!out.contains("p4ss") && !err.contains("p4ss"), "{out}{err}");
}

#[tokio::test]
async fn health_ends_beside_a_program_that_answers_without_end() {
    let endless = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = endless.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = endless.accept().await {
            while stream.write_all(&vec![b'x'; 65_536]).await.is_ok() {}
        }
    });
    let asking = with(environment("postgres://127.0.0.1:1/x"), &[("ROUTO_ADMIN__LISTEN", &admin)]);
    let (code, _, err) = run(&["health"], &asking).await;
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("no service answers on {admin}")) && err.len() < 500, "{err}");
}

#[tokio::test]
async fn a_200_of_another_program_is_not_taken_for_the_services() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = other.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            // A connection that is closed with unread bytes is reset.
            let _ = stream.read(&mut [0; 1024]).await;
            let answer = "HTTP/1.0 200 OK\r\n\r\nwelcome";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let asking = with(environment("postgres://127.0.0.1:1/x"), &[("ROUTO_ADMIN__LISTEN", &admin)]);
    let (code, _, err) = run(&["health"], &asking).await;
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("another program answers on {admin}")), "{err}");
}

#[tokio::test]
async fn status_says_that_the_spool_has_no_room() {
    let (_database, environment, _service) = running().await;
    // A spool that has been used.
    let data_dir = &environment.iter().find(|(name, _)| name == "ROUTO_DATA_DIR").unwrap().1;
    assert!(std::path::Path::new(data_dir).join("spool").exists());
    let full = with(environment.clone(), &[("ROUTO_SPOOL__MIN_FREE_BYTES", "1000000000000")]);
    let (code, found) = status(&full).await;
    assert_eq!(code, Some(1), "{found}");
    assert!(
        found["problems"].to_string().contains("the spool could not take callbacks"),
        "{found}"
    );
}
