//! An attack or a mistyped token is logged in one line that says what to do, without flooding.

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send, send_from};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, with};
use crate::support::{eventually, goes_to_postgres};

const REPORT: &str = "mess_id=m&status=0&number=447911123456";

#[tokio::test]
async fn failures_and_unusable_callbacks_are_one_line_each_without_anything_secret() {
    let database = TestDatabase::create().await;
    let sources = [("ROUTO_ACCOUNTS__OTHER__ALLOWED_SOURCES", "192.0.2.1")];
    let service = ServiceProcess::start(&with(environment(&database.url()), &sources)).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    let targets = [
        (format!("/delivery-reports/mistyped-{TOKEN}?{REPORT}"), [401, 429]),
        (format!("/inbound-messages?user=other&pass=other-password&{REPORT}"), [403, 403]),
        (format!("/inbound-messages?{LOGIN}&{REPORT}"), [400, 400]),
        (format!("/inbound-messages?user=gateway&pass=guessed&{REPORT}"), [401, 429]),
    ];
    for (target, expected) in &targets {
        for source in 1..=50 {
            let status = send_from([127, 0, 3, source % 3], service.http, get(target)).await.status;
            assert!(expected.contains(&status), "{status} {target}");
        }
    }
    let counted = send(service.http, get(&format!("/delivery-reports/{TOKEN}?{REPORT}"))).await;
    assert_eq!(counted.status, 200);
    service.signal(rustix::process::Signal::TERM);
    let (_, log) = service.end().await;
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).collect::<Vec<_>>();
    for (text, fields) in [
        (
            "wrong or missing credentials",
            ["\"level\":\"WARN\"", "\"kind\":\"delivery-report\"", "\"remote_addr\":\"127.0.3.1\""],
        ),
        (
            "not among the account's allowed_sources",
            ["\"account\":\"other\"", "\"kind\":\"inbound-message\"", "\"callbacks\":1"],
        ),
        (
            "unusable callbacks are answered 400",
            ["\"account\":\"main\"", "parameter 'org' is missing", "\"remote_addr\":\"127.0.3.1\""],
        ),
    ] {
        let found = lines(text);
        // One; a minute later, on a slow machine, there may be another.
        assert!((1..=2).contains(&found.len()), "{text}: {found:#?}");
        for field in fields {
            assert!(found[0].contains(field), "{field}: {found:#?}");
        }
    }
    for content in [TOKEN, "guessed", "447911123456", "mess_id="] {
        assert!(!log.contains(content), "{content} is in the log");
    }
}

#[tokio::test]
async fn h18_h19_a_tls_hello_and_the_proxy_protocol_are_one_line_that_says_what_to_do() {
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    for _ in 0..20 {
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        assert_eq!(send(service.http, hello).await.status, 400);
    }
    service.signal(rustix::process::Signal::TERM);
    let (_, log) = service.end().await;
    let lines =
        log.lines().filter(|line| line.contains("a TLS handshake on a port for plain HTTP"));
    assert!((1..=2).contains(&lines.count()), "{log}");
}
