//! Hostile traffic does not affect the gateway.

use serde_json::json;

use crate::support::app::{OTHER_TOKEN, TOKEN, TestApp};
use crate::support::client::{get, request};

const REPORT: &str = "mess_id=m&status=0&number=1";
const ATTACKER: [u8; 4] = [127, 0, 2, 1];
const ANOTHER: [u8; 4] = [127, 0, 2, 2];

#[tokio::test]
async fn failed_authentications_are_limited_by_address_and_right_credentials_never_are() {
    let app = TestApp::start().await;
    let guess = get(&format!("/delivery-reports/guess?{REPORT}"));
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let answer = app.send_from(ATTACKER, &guess).await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(answer.header("connection"), Some("close"));
            assert!(answer.body.contains("right credentials are always taken"), "{answer:?}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses[10..].contains(&429) && !statuses.contains(&200), "{statuses:?}");

    // The same address with the right token; another address with a wrong one.
    let right = get(&format!("/delivery-reports/{TOKEN}?{REPORT}"));
    for _ in 0..30 {
        assert_eq!(app.send_from(ATTACKER, &right).await.status, 200);
    }
    assert_eq!(app.send_from(ANOTHER, &guess).await.status, 401);
    assert_eq!(app.rows().await, json!(30));
    app.stop().await;
}

#[tokio::test]
async fn an_attacker_behind_a_trusted_proxy_is_limited_alone() {
    let app = TestApp::start_with(&[("ROUTO_HTTP__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let guess = |source: &str| {
        let forwarded = format!("X-Forwarded-For: {source}");
        request("GET", &format!("/delivery-reports/guess?{REPORT}"), &[&forwarded], b"")
    };
    let mut limited = false;
    for _ in 0..40 {
        limited |= app.send(guess("192.0.2.1")).await.status == 429;
    }
    assert!(limited);
    assert_eq!(app.send(guess("192.0.2.2")).await.status, 401);
    assert_eq!(app.get(&format!("/delivery-reports/{OTHER_TOKEN}?{REPORT}")).await.status, 200);
    app.stop().await;
}
