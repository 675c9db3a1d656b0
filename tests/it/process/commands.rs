//! `migrate`, `check`, `health`, and starts that are refused.

use serde_json::json;

use crate::support::app::{OTHER_PASSWORD, PASSWORD, TOKEN, environment};
use crate::support::eventually;
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};

#[tokio::test]
async fn migrate_makes_the_schema_and_running_it_again_changes_nothing() {
    let database = TestDatabase::create().await;
    for _ in 0..2 {
        let (code, _, log) = run(&["migrate"], &environment(&database.url())).await;
        assert_eq!(code, Some(0), "{log}");
    }
    let tables = database
        .query("select relname from pg_class where relname in ('delivery_reports', 'inbox', 'message_status') order by 1")
        .await;
    assert_eq!(
        tables,
        json!([{ "relname": "delivery_reports" }, { "relname": "inbox" }, { "relname": "message_status" }])
    );
}

#[tokio::test]
async fn replicas_that_start_at_once_migrate_once() {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    let migrations: Vec<_> = (0..6)
        .map(|_| {
            let environment = environment.clone();
            tokio::spawn(async move { run(&["migrate"], &environment).await })
        })
        .collect();
    for migration in migrations {
        let (code, _, log) = migration.await.unwrap();
        assert_eq!(code, Some(0), "{log}");
    }
}

#[tokio::test]
async fn a_service_that_may_not_migrate_says_so_and_waits_for_it() {
    let database = TestDatabase::create().await;
    let environment =
        with(environment(&database.url()), &[("ROUTO_DATABASE__MIGRATE_ON_START", "false")]);
    let service = ServiceProcess::start(&environment).await;
    let get = |path: &str| crate::support::client::get(path);
    let readyz = || crate::support::client::send(service.admin, get("/readyz"));
    assert_eq!(readyz().await.status, 503);
    assert_eq!(run(&["migrate"], &environment).await.0, Some(0));
    eventually("ready once it is migrated", || async { readyz().await.status == 200 }).await;
    service.signal(rustix::process::Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("run `routo-receiver migrate`"), "{log}");
}

#[tokio::test]
async fn check_prints_the_configuration_without_secrets_and_the_urls_to_register() {
    let more = [("ROUTO_HTTP__PUBLIC_URL", "https://sms.example.com")];
    let environment = with(environment("postgres://me:db-secret@db.example.com/routo"), &more);
    let (code, out, err) = run(&["check"], &environment).await;
    assert_eq!(code, Some(0), "{err}");
    for expected in [
        "sms.example.com/delivery-reports/",
        "sms.example.com/inbound-messages",
        "http.max_body_bytes",
        "db.example.com",
    ] {
        assert!(out.contains(expected), "no {expected} in {out}");
    }
    for secret in ["db-secret", PASSWORD, OTHER_PASSWORD, TOKEN] {
        assert!(!out.contains(secret) && !err.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_database_password_that_was_not_escaped_is_refused_and_not_printed() {
    let url = "postgres://routo:1234/hunter2secret@db.example.com/routo";
    let (code, out, err) = run(&["check"], &environment(url)).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("database.url") || err.contains("DATABASE_URL"), "{err}");
    assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_told_at_once() {
    let more = [
        ("ROUTO_HTTP__LISTEN", "nowhere"),
        ("ROUTO_HTTP__LISTNE", "x"),
        ("ROUTO_INGEST__MAX_BATCH_ROWS", "0"),
    ];
    for command in ["serve", "check", "migrate", "health"] {
        let (code, _, err) =
            run(&[command], &with(environment("postgres://localhost/x"), &more)).await;
        assert_eq!(code, Some(1));
        for expected in ["ROUTO_HTTP__LISTEN", "did you mean http.listen?", "ingest.max_batch_rows"]
        {
            assert!(err.contains(expected), "no {expected} in {err}");
        }
    }
}

#[tokio::test]
async fn with_a_real_database_and_no_account_it_refuses_and_says_what_to_set() {
    for command in ["serve", "check"] {
        let environment = [
            ("DATABASE_URL", "postgres://localhost/x"),
            ("ROUTO_HTTP__LISTEN", "127.0.0.1:0"),
            ("ROUTO_ADMIN__LISTEN", "127.0.0.1:0"),
        ];
        let (code, _, err) = run(&[command], &with(Vec::new(), &environment)).await;
        assert_eq!(code, Some(1));
        assert!(err.contains("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN"), "{err}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named_with_its_key_before_anything_is_made() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    for (name, key) in
        [("ROUTO_HTTP__LISTEN", "http.listen"), ("ROUTO_ADMIN__LISTEN", "admin.listen")]
    {
        let embedded = [
            ("ROUTO_HTTP__LISTEN", "127.0.0.1:0"),
            ("ROUTO_ADMIN__LISTEN", "127.0.0.1:0"),
            ("ROUTO_DATA_DIR", data_dir.to_str().unwrap()),
            (name, &address),
        ];
        let (code, _, err) = run(&["serve"], &with(Vec::new(), &embedded)).await;
        assert_eq!(code, Some(1));
        assert!(err.contains(&address) && err.contains(key), "{err}");
        assert!(!data_dir.exists(), "nothing is made");
    }
}

#[tokio::test]
async fn the_version_names_the_commit() {
    let (code, out, _) = run(&["--version"], &[]).await;
    assert_eq!(code, Some(0));
    let revision = out.trim_end().strip_prefix("routo-receiver 0.1.0 (").unwrap();
    let revision = revision.strip_suffix(")").unwrap();
    assert!(revision == "unknown" || revision.len() >= 12, "{out}");
}

#[tokio::test]
async fn an_error_of_postgres_has_no_line_of_its_source_code() {
    let database = TestDatabase::create().await;
    database.execute("create table delivery_reports ()").await;
    let (code, _, err) = run(&["migrate"], &environment(&database.url())).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("already exists") && !err.contains("at line"), "{err}");
}

#[tokio::test]
async fn health_says_by_its_exit_code_whether_the_service_is_ready() {
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    let asking =
        with(environment(&database.url()), &[("ROUTO_ADMIN__LISTEN", &service.admin.to_string())]);
    eventually("healthy", || async { run(&["health"], &asking).await.0 == Some(0) }).await;
    drop(service);
    eventually("not running", || async {
        let (code, _, err) = run(&["health"], &asking).await;
        code == Some(1) && err.contains("no service answers")
    })
    .await;
    let away = ServiceProcess::start(&environment("postgres://127.0.0.1:1/nothing")).await;
    let asking =
        with(environment(&database.url()), &[("ROUTO_ADMIN__LISTEN", &away.admin.to_string())]);
    eventually("healthy by its spool", || async {
        let (code, out, _) = run(&["health"], &asking).await;
        code == Some(0) && out.contains("callbacks go to the spool")
    })
    .await;
    let disk = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    let all = (disk.f_blocks * disk.f_frsize - 1).to_string();
    let full = with(
        environment("postgres://127.0.0.1:1/nothing"),
        &[("ROUTO_SPOOL__MIN_FREE_BYTES", &all)],
    );
    let full = ServiceProcess::start(&full).await;
    let asking =
        with(environment(&database.url()), &[("ROUTO_ADMIN__LISTEN", &full.admin.to_string())]);
    let (code, _, err) = run(&["health"], &asking).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("neither Postgres nor the spool"), "{err}");
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_named() {
    let database = TestDatabase::create().await;
    database.execute("create database latin encoding 'LATIN1' template template0 locale 'C'").await;
    let url = database.options.clone().database("latin");
    let url: String = sqlx::ConnectOptions::to_url_lossy(&url).into();
    let (code, _, err) = run(&["migrate"], &environment(&url)).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("encoding is LATIN1"), "{err}");
}

#[tokio::test]
async fn the_log_says_which_database_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let embedded: Vec<_> =
        environment("").into_iter().filter(|(name, _)| name != "DATABASE_URL").collect();
    for (environment, expected) in [
        (
            environment("postgres://me:hunter2@127.0.0.1:1/nothing"),
            "\"database\":\"host 127.0.0.1, port 1, database nothing\"",
        ),
        (
            with(embedded, &[("ROUTO_DATA_DIR", data_dir)]),
            "\"database\":\"embedded: host 127.0.0.1, port ",
        ),
    ] {
        let service = ServiceProcess::start(&environment).await;
        service.signal(rustix::process::Signal::TERM);
        let (_, log) = service.end().await;
        assert!(log.contains(expected), "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
}
