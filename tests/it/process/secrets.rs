//! Secrets appear nowhere: not in logs at any level, not in answers, tables, metrics or what `check` prints.

use crate::support::app::{LOGIN, OTHER_PASSWORD, OTHER_TOKEN, PASSWORD, TOKEN, environment};
use crate::support::client::{get, post, request, send};
use crate::support::metrics::scrape;
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run};
use crate::support::{eventually, goes_to_postgres};

/// Marks in what is sent that must not reach the log either.
const NUMBER: &str = "447911123456";
const TEXT: &str = "Private-words";

#[tokio::test]
async fn secrets_and_contents_are_in_no_log_line_answer_table_or_figure() {
    let database = TestDatabase::create().await;
    let mut environment = environment(&database.url());
    environment.push(("ROUTO_LOG__LEVEL".into(), "trace".into()));
    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;

    let basic = "Authorization: Basic Z2F0ZXdheTptYWluLXBAc3Mgd29yZA==";
    let report = format!("mess_id=m&status=0&number={NUMBER}");
    let huge = "x".repeat(70_000);
    let requests = [
        get(&format!("/delivery-reports/{TOKEN}?{report}")),
        get(&format!(
            "/delivery-reports/{TOKEN}?{LOGIN}&{report}&user=other&pass={OTHER_PASSWORD}"
        )),
        get(&format!("/delivery-reports/{TOKEN}?{LOGIN}")),
        get(&format!("/delivery-reports/{TOKEN}/more?{report}")),
        get(&format!("/wrong/{TOKEN}?{LOGIN}")),
        get(&format!("/delivery-reports?user=gateway&pass={OTHER_PASSWORD}&{report}")),
        get(&format!("/delivery-reports?{LOGIN}&status=1")),
        request("GET", &format!("/delivery-reports?{report}"), &[basic], b""),
        request("PUT", &format!("/delivery-reports/{TOKEN}?{LOGIN}"), &[basic], b""),
        post("/inbound-messages", format!("{LOGIN}&org={NUMBER}&dest=2&message={TEXT}").as_bytes()),
        post("/inbound-messages", format!("{LOGIN}&message={TEXT}").as_bytes()),
        post("/inbound-messages", format!("{LOGIN}&message={}", "x".repeat(300_000)).as_bytes()),
        get(&format!("/delivery-reports/{TOKEN}?{LOGIN}&x={huge}")),
        format!("GET /delivery-reports/{TOKEN}?{LOGIN} a bé HTTP/9\r\n\r\n").into_bytes(),
        format!("GET /delivery-reports/{TOKEN}?{report}&mess_id={huge}").into_bytes(),
        get(&format!("/delivery-reports/{OTHER_TOKEN}?{report}&mess_id=2")),
    ];
    let mut said = String::new();
    for sent in requests {
        let answer = send(service.http, sent).await;
        said.push_str(&format!("{answer:?}"));
    }
    let figures = scrape(service.admin).await;
    assert!(figures.contains(r#"answer="401""#), "the metrics are of these requests: {figures}");
    let (code, checked, _) = run(&["check"], &environment).await;
    assert_eq!(code, Some(0), "{checked}");
    service.signal(rustix::process::Signal::TERM);
    let (_, log) = service.end().await;
    assert!(
        log.contains("\"route\":\"/delivery-reports/{report_token}\""),
        "the log is at trace: {log}"
    );
    let tables = database
        .query(
            "select to_jsonb(r)::text as t from delivery_reports r union all
             select to_jsonb(m)::text from inbound_messages m union all
             select to_jsonb(c)::text from rejected_callbacks c",
        )
        .await
        .to_string();
    assert!(tables.contains(NUMBER) && tables.contains(TEXT));

    let database_password = database.options.to_url_password();
    let forms = [
        TOKEN,
        OTHER_TOKEN,
        PASSWORD,
        OTHER_PASSWORD,
        "main-p%40ss",
        "Z2F0ZXdheT",
        &database_password,
    ];
    for secret in forms {
        for (place, text) in [
            ("log", &log),
            ("answers", &said),
            ("tables", &tables),
            ("metrics", &figures),
            ("what `check` prints", &checked),
        ] {
            if let Some(at) = text.find(secret) {
                let around = &text[text.floor_char_boundary(at.saturating_sub(200))..at];
                panic!("{secret} is in {place}, after: {around}");
            }
        }
    }
    for content in [NUMBER, TEXT, "mess_id="] {
        assert!(!log.contains(content), "{content} is in the log");
        assert!(!figures.contains(content), "{content} is in the metrics");
    }
}

trait Password {
    fn to_url_password(&self) -> String;
}

impl Password for sqlx::postgres::PgConnectOptions {
    fn to_url_password(&self) -> String {
        sqlx::ConnectOptions::to_url_lossy(self).password().unwrap().to_owned()
    }
}
