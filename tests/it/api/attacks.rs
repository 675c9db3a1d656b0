//! Hostile traffic does not affect the gateway.

use serde_json::json;

use crate::support::app::{OTHER_TOKEN, TOKEN, TestApp};
use crate::support::client::{get, request};
use crate::support::eventually;

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
            assert!(answer.body.contains("valid credentials are always accepted"), "{answer:?}");
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

#[tokio::test]
async fn a_password_is_not_compared_after_ten_failures_but_for_who_has_had_it_right() {
    let app = TestApp::start().await;
    let login = |pass: &str| {
        get(&format!("/inbound-messages?user=gateway&pass={pass}&org=1&dest=2&message=m"))
    };
    let (wrong, right) = (login("wrong"), login("main-p%40ss+word"));
    let gateway = [127, 0, 2, 3];
    assert_eq!(app.send_from(gateway, &right).await.status, 200);

    let tried = std::cell::Cell::new(0);
    // A new address each time: a second may pass between the last failure and the right password.
    eventually("the right password is not compared", async || {
        tried.set(tried.get() + 1);
        let guesser = [127, 0, 7, tried.get()];
        let mut failures = 0;
        loop {
            let answer = app.send_from(guesser, &wrong).await;
            if answer.status == 429 {
                assert!(
                    answer.body.contains("only one attempt per second is checked"),
                    "{answer:?}"
                );
                break;
            }
            failures += 1;
        }
        assert!(failures >= 10, "{failures}");
        app.send_from(guesser, &right).await.status == 429
    })
    .await;
    // A token, another user, and the gateway are compared; the guesser once a second.
    let guesser = [127, 0, 7, tried.get()];
    let by_token = get(&format!("/delivery-reports/{TOKEN}?{REPORT}"));
    assert_eq!(app.send_from(guesser, by_token).await.status, 200);
    let other = get("/inbound-messages?user=other&pass=other-password&org=1&dest=2&message=m");
    assert_eq!(app.send_from(guesser, other).await.status, 200);
    for _ in 0..30 {
        assert_eq!(app.send_from(gateway, &wrong).await.status, 401);
    }
    assert_eq!(app.send_from(gateway, &right).await.status, 200);
    eventually("compared a second later", async || {
        app.send_from(guesser, &right).await.status == 200
    })
    .await;
    app.stop().await;
}
