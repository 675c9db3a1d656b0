//! Allowed sources, and which forwarding headers are trusted.

use serde_json::json;

use crate::support::app::{LOGIN, OTHER_TOKEN, TOKEN, TestApp};
use crate::support::client::request;

const REPORT: &str = "mess_id=m&status=0&number=1";
const GATEWAY: [u8; 4] = [127, 0, 0, 7];
const PROXY: [u8; 4] = [127, 0, 0, 8];
const STRANGER: [u8; 4] = [127, 0, 0, 9];

fn report(token: &str, headers: &[&str]) -> Vec<u8> {
    request("GET", &format!("/delivery-reports/{token}?{REPORT}"), headers, b"")
}

#[tokio::test]
async fn right_credentials_from_an_address_that_is_not_allowed_are_answered_403_and_leave_nothing()
{
    let app = TestApp::start_with(&[(
        "ROUTO_ACCOUNTS__MAIN__ALLOWED_SOURCES",
        "127.0.0.7, 2001:db8::/32",
    )])
    .await;
    let message = request("GET", &format!("/inbound-messages?{LOGIN}&org=1&dest=2"), &[], b"");
    let table = [
        (GATEWAY, report(TOKEN, &[]), 200),
        (GATEWAY, message.clone(), 200),
        (STRANGER, report(TOKEN, &[]), 403),
        (STRANGER, message, 403),
        // An untrusted client's header is ignored, and other accounts have no list.
        (STRANGER, report(TOKEN, &["X-Forwarded-For: 127.0.0.7"]), 403),
        (STRANGER, report(OTHER_TOKEN, &[]), 200),
        (STRANGER, report("wrong-token", &[]), 401),
    ];
    for (source, sent, expected) in &table {
        let answer = app.send_from(*source, sent).await;
        assert_eq!(answer.status, *expected, "{source:?} {}", String::from_utf8_lossy(sent));
        if *expected == 403 {
            assert_eq!(answer.body, "this address is not among the account's allowed_sources");
        }
    }
    assert_eq!(app.rows().await, json!(3));
    app.stop().await;
}

#[tokio::test]
async fn a_trusted_proxy_says_where_a_callback_comes_from_and_nobody_else_does() {
    let app = TestApp::start_with(&[
        ("ROUTO_HTTP__TRUSTED_PROXIES", "127.0.0.8, 10.0.0.0/8"),
        ("ROUTO_ACCOUNTS__MAIN__ALLOWED_SOURCES", "192.0.2.0/24,127.0.0.7"),
    ])
    .await;
    let table: [([u8; 4], &[&str], Result<&str, u16>); 9] = [
        (PROXY, &["X-Forwarded-For: 192.0.2.1"], Ok("192.0.2.1")),
        (PROXY, &["X-Forwarded-For: 192.0.2.2, 10.0.0.1"], Ok("192.0.2.2")),
        (PROXY, &["X-Forwarded-For: 192.0.2.9", "x-forwarded-for: 192.0.2.3"], Ok("192.0.2.3")),
        (GATEWAY, &["X-Forwarded-For: 192.0.2.1"], Ok("127.0.0.7")),
        (GATEWAY, &[], Ok("127.0.0.7")),
        // Entries that the client itself put in front.
        (PROXY, &["X-Forwarded-For: 192.0.2.1, 203.0.113.9"], Err(403)),
        (PROXY, &["X-Forwarded-For: 192.0.2.1, nonsense"], Err(403)),
        (PROXY, &[], Err(403)),
        (STRANGER, &["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"], Err(403)),
    ];
    let mut stored = Vec::new();
    for (source, headers, expected) in table {
        let answer = app.send_from(source, report(TOKEN, headers)).await;
        assert_eq!(answer.status, expected.err().unwrap_or(200), "{source:?} {headers:?}");
        stored.extend(expected.ok().map(|address| json!({ "remote_addr": address })));
    }
    assert_eq!(
        app.query(
            "select host(remote_addr) as remote_addr from delivery_reports order by received_at, id"
        )
        .await,
        json!(stored)
    );
    app.stop().await;
}
