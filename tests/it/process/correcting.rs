//! What `redecode` and `rejected` share: where the database is, and which encodings apply.

use serde_json::json;

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};

type Environment = Vec<(String, String)>;

/// With the embedded Postgres, in a data directory of its own.
fn embedded() -> Environment {
    environment("").into_iter().filter(|(name, _)| name != "DATABASE_URL").collect()
}

async fn succeeds(arguments: &[&str], environment: &[(String, String)]) -> (String, String) {
    let (code, out, log) = run(arguments, environment).await;
    assert_eq!(code, Some(0), "{arguments:?}: {log}");
    (out, log)
}

async fn stop(service: ServiceProcess) {
    service.signal(rustix::process::Signal::TERM);
    assert_eq!(service.end().await.0, Some(0));
}

#[tokio::test]
async fn with_the_embedded_postgres_they_work_beside_the_service_and_without_it() {
    let environment = embedded();
    let service = ServiceProcess::start(&environment).await;
    let report = format!("/delivery-reports/{TOKEN}?mess_id=a&status=0");
    assert_eq!(send(service.http, get(&report)).await.status, 400);
    let message = format!("/inbound-messages?{LOGIN}&org=441&dest=442&dcs=0&message=%00");
    assert_eq!(send(service.http, get(&message)).await.status, 200);

    let missing = "delivery-report: parameter 'number' is missing";
    let as_gsm = ["redecode", "--as", "gsm-7", "--write"];
    assert!(succeeds(&["rejected", "list"], &environment).await.0.contains(missing));
    assert_eq!(succeeds(&as_gsm, &environment).await.0, "1 messages decoded again, 1 changed\n");
    assert_eq!(send(service.http, get(&message)).await.status, 200, "the service runs on");
    stop(service).await;

    assert!(succeeds(&["rejected", "list"], &environment).await.0.contains(missing));
    assert_eq!(succeeds(&as_gsm, &environment).await.0, "2 messages decoded again, 1 changed\n");
}

#[tokio::test]
async fn encodings_that_were_added_to_the_generated_account_count() {
    let environment: Environment =
        embedded().into_iter().filter(|(name, _)| !name.starts_with("ROUTO_ACCOUNTS__")).collect();
    let data_dir = &environment.iter().find(|(name, _)| name == "ROUTO_DATA_DIR").unwrap().1;
    let credentials = std::path::Path::new(data_dir).join("credentials.toml");

    succeeds(&["migrate"], &environment).await;
    let (out, _) = succeeds(&["redecode"], &environment).await;
    assert!(out.starts_with("0 messages decoded again"), "{out}");
    assert!(!credentials.exists(), "an account is made up where somebody is told of it");

    let service = ServiceProcess::start(&environment).await;
    let generated = std::fs::read_to_string(&credentials).unwrap();
    let password = generated.split("password = \"").nth(1).unwrap().split('"').next().unwrap();
    let message =
        format!("/inbound-messages?user=routo&pass={password}&org=441&dest=442&dcs=0&message=%00");
    assert_eq!(send(service.http, get(&message)).await.status, 200);
    std::fs::write(&credentials, generated + "encodings.0 = \"gsm-7\"\n").unwrap();
    let (out, log) = succeeds(&["redecode"], &environment).await;
    assert!(out.contains("after  gsm-7              \"@\""), "{out}");
    assert!(!log.contains("not configured"), "{log}");
    stop(service).await;
}

#[tokio::test]
async fn of_an_account_that_is_not_configured_it_is_said_once_that_its_encodings_are_unknown() {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    let overriding = with(environment.clone(), &[("ROUTO_ACCOUNTS__GONE__ENCODINGS__0", "gsm-7")]);
    let overriding =
        with(overriding, &[("ROUTO_ACCOUNTS__GONE__REPORT_TOKEN", "gone-token-0123456789")]);
    succeeds(&["migrate"], &environment).await;
    database
        .execute(
            r"
            insert into rejected_callbacks (
                received_at, id, account, kind, reason, request, transport, remote_addr
            )
            select
                now(), gen_random_uuid(), 'gone', kind, 'of a test',
                jsonb_build_object('method', 'POST', 'path', path, 'parameters', parameters),
                'http-post', '::1'
            from (
                values
                    ('delivery-report', '/delivery-reports', 'mess_id=a&status=0&number=44'),
                    ('inbound-message', '/inbound-messages', 'org=1&dest=2&dcs=0&message=%00'),
                    ('inbound-message', '/inbound-messages', 'org=2&dest=2&dcs=0&message=%00')
            ) as callback (kind, path, parameters)
            ",
        )
        .await;

    let unknown = "this account is not configured";
    let reports = ["rejected", "replay", "--all", "--kind", "delivery-report", "--write"];
    let (out, log) = succeeds(&reports, &environment).await;
    assert!(out.ends_with("1 replayed, 0 stay rejected\n"), "{out}");
    assert!(!log.contains(unknown), "a report needs no encodings: {log}");

    let (out, log) = succeeds(&["rejected", "replay", "--all", "--write"], &environment).await;
    assert!(out.ends_with("2 replayed, 0 stay rejected\n"), "{out}");
    assert_eq!(log.matches(unknown).count(), 1, "{log}");
    assert_eq!(
        database.query("select distinct charset from inbound_messages").await,
        json!([{ "charset": "iso-8859-1-failed" }])
    );

    let (_, log) = succeeds(&["redecode", "--as", "gsm-7"], &environment).await;
    assert!(!log.contains(unknown), "what is told how to read asks nobody: {log}");
    let (_, log) = succeeds(&["redecode"], &environment).await;
    assert_eq!(log.matches(unknown).count(), 1, "{log}");
    let (out, log) = succeeds(&["redecode", "--write"], &overriding).await;
    assert_eq!(out, "2 messages decoded again, 2 changed\n");
    assert!(!log.contains(unknown), "{log}");
}
