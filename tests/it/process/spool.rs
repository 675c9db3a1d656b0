//! `routo-receiver spool`: inspects, exports and drains the spool.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::eventually;
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};

#[tokio::test]
async fn the_spool_can_be_looked_into_exported_and_drained() {
    let database = TestDatabase::create().await;
    let away = environment("postgres://127.0.0.1:1/nothing");
    let data_dir = &away.iter().find(|(name, _)| name == "ROUTO_DATA_DIR").unwrap().1;
    let here = with(away.clone(), &[("DATABASE_URL", &database.url())]);

    let (code, out, _) = run(&["spool", "status"], &away).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("0 callbacks, 0 bytes, oldest - in "), "{out}");

    let service = ServiceProcess::start(&away).await;
    for mess_id in 0..5 {
        let target = format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=44");
        assert_eq!(send(service.http, get(&target)).await.status, 200);
    }
    let target = format!("/inbound-messages?{LOGIN}&org=441&dest=442&dcs=0&message=caf%E9");
    assert_eq!(send(service.http, get(&target)).await.status, 200);

    let (code, out, _) = run(&["spool", "status"], &away).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("up to 6 callbacks, "), "{out}");
    assert!(out.contains("a service is running"), "{out}");
    for command in ["drain", "export"] {
        let (code, _, err) = run(&["spool", command], &here).await;
        assert_eq!(code, Some(1), "{command}");
        assert!(err.contains("is in use by another routo-receiver; stop it"), "{err}");
    }
    service.signal(Signal::TERM);
    assert_eq!(service.end().await.0, Some(0));

    let (code, out, _) = run(&["spool", "status"], &away).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("6 callbacks, "), "{out}");
    assert!(out.contains("0000000001.spool: 6 callbacks"), "{out}");

    let (code, out, _) = run(&["spool", "export"], &away).await;
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["delivery-report"]["mess_id"], json!("0"));
    let message = &lines[5]["inbound-message"];
    assert_eq!(
        (&message["message"], &message["message_raw"], &message["received"]["account"]),
        (&json!("café"), &json!("Y2Fm6Q=="), &json!("main"))
    );

    let (code, out, err) = run(&["spool", "drain"], &away).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("the spool is not drained"), "{err}");
    let (code, out, _) = run(&["spool", "drain"], &here).await;
    assert_eq!((code, out.as_str()), (Some(0), "moved 6 callbacks from the spool to Postgres\n"));
    assert_eq!(database.value("select count(*) from delivery_reports").await, json!(5));
    assert_eq!(
        database.query("select message, charset from inbound_messages").await,
        json!([{ "message": "café", "charset": "iso-8859-1" }])
    );
    let (_, out, _) = run(&["spool", "status"], &away).await;
    assert!(out.starts_with("0 callbacks, 0 bytes"), "{out}");
    let left: Vec<_> = std::fs::read_dir(format!("{data_dir}/spool"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[tokio::test]
async fn rows_that_a_trigger_makes_slow_are_drained_in_chunks_that_fit() {
    let database = TestDatabase::create().await;
    let away = environment("postgres://127.0.0.1:1/nothing");
    let here = with(away.clone(), &[("DATABASE_URL", &database.url())]);
    assert_eq!(run(&["migrate"], &here).await.0, Some(0));
    // All rows at once would take three seconds.
    database
        .execute(
            "create function slow() returns trigger language plpgsql as
                 $$ begin perform pg_sleep(0.005); return new; end $$;
             create trigger slow before insert on delivery_reports
                 for each row execute function slow()",
        )
        .await;
    let service = ServiceProcess::start(&away).await;
    let url = format!("http://{}", service.http);
    let simulate = ["simulate", "--only", "report", "--count", "600", "--connections", "8"];
    let (code, out, err) = run(&[&simulate[..], &["--url", &url]].concat(), &away).await;
    assert_eq!(code, Some(0), "{out}{err}");
    service.signal(Signal::TERM);
    assert_eq!(service.end().await.0, Some(0));

    let (code, out, err) = run(&["spool", "drain"], &here).await;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out, "moved 600 callbacks from the spool to Postgres\n");
    assert_eq!(database.value("select count(*) from delivery_reports").await, json!(600));
}

#[tokio::test]
async fn what_a_killed_service_left_is_moved_by_the_next() {
    let database = TestDatabase::create().await;
    let away = environment("postgres://127.0.0.1:1/nothing");
    let service = ServiceProcess::start(&away).await;
    for mess_id in 0..5 {
        let target = format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=44");
        assert_eq!(send(service.http, get(&target)).await.status, 200);
    }
    service.signal(Signal::KILL);
    service.end().await;
    let service = ServiceProcess::start(&with(away, &[("DATABASE_URL", &database.url())])).await;
    // Rows are visible before the service learns of their commit.
    let drained = "the spool is drained: its callbacks are in Postgres";
    eventually("drained", || async { service.has_logged(drained) }).await;
    assert_eq!(database.value("select count(*) from delivery_reports").await, json!(5));
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("moving callbacks that an earlier process left in the spool to Postgres"));
}

#[tokio::test]
async fn a_spool_that_cannot_be_written_to_is_refused_at_the_start_with_what_to_change() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = with(
        environment("postgres://127.0.0.1:1/nothing"),
        &[("ROUTO_DATA_DIR", file.path().to_str().unwrap())],
    );
    let (code, _, err) = run(&["serve"], &refused).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("make it writable for this user, or set data_dir"), "{err}");
}

#[tokio::test]
async fn a_drain_that_leaves_something_says_so_and_fails() {
    let database = TestDatabase::create().await;
    let away = environment("postgres://127.0.0.1:1/nothing");
    let here = with(away.clone(), &[("DATABASE_URL", &database.url())]);
    assert_eq!(run(&["migrate"], &here).await.0, Some(0));
    database
        .execute(
            "alter table delivery_reports add constraint none check (mess_id <> 'm');
             alter table rejected_callbacks add constraint none check (account <> 'main');",
        )
        .await;
    let service = ServiceProcess::start(&away).await;
    let target = format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=44");
    assert_eq!(send(service.http, get(&target)).await.status, 200);
    service.signal(Signal::TERM);
    assert_eq!(service.end().await.0, Some(0));

    let (code, out, err) = run(&["spool", "drain"], &here).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("not all of the spool is in Postgres"), "{err}");
    let (_, out, _) = run(&["spool", "status"], &here).await;
    assert!(out.contains("1 callbacks") && out.contains("set aside"), "{out}");
}
