//! Authentication: which requests are accepted, and that nothing of the others is stored.

use serde_json::json;

use crate::support::app::{LOGIN, OTHER_TOKEN, TOKEN, TestApp};
use crate::support::client::request;

const REPORT: &str = "mess_id=m&status=0&number=1";
const MESSAGE: &str = "dcs=0&org=1&dest=2&message=m";

#[tokio::test]
async fn wrong_credentials_are_answered_401_and_leave_nothing() {
    let app = TestApp::start().await;
    let message =
        |login: &str| request("GET", &format!("/inbound-messages?{login}&{MESSAGE}"), &[], b"");
    let report =
        |login: &str| request("GET", &format!("/delivery-reports?{login}&{REPORT}"), &[], b"");
    let by_token =
        |token: &str| request("GET", &format!("/delivery-reports/{token}?{REPORT}"), &[], b"");
    let basic = |value: &str| {
        let header = format!("Authorization: {value}");
        request("GET", &format!("/delivery-reports?{REPORT}"), &[&header], b"")
    };
    let requests = [
        message("user=gateway&pass=wrong"),
        message("user=gateway&pass="),
        message("user=gateway"),
        message("pass=main-p%40ss+word"),
        message("user=&pass="),
        message("x=y"),
        message("user=gateway&pass=other-password"),
        message("user=nobody&pass=main-p%40ss+word"),
        message(&format!("user=gateway&pass={TOKEN}")),
        report("user=gateway&pass=wrong"),
        report("x=y"),
        report(&format!("user=gateway&pass={TOKEN}")),
        by_token("wrong"),
        by_token(&TOKEN[1..]),
        by_token("main-p%40ss%20word"),
        by_token("%FF"),
        basic("Basic Z2F0ZXdheTp3cm9uZw=="),
        basic("Basic ???"),
        basic("Bearer main-token-0123456789abcdef"),
        // A token is valid for reports only, and does not make up for a wrong login.
        request("GET", &format!("/inbound-messages/{TOKEN}?{MESSAGE}"), &[], b""),
        request(
            "GET",
            &format!("/delivery-reports?user=gateway&pass=wrong&{REPORT}"),
            &["Authorization: Basic Z2F0ZXdheTptYWluLXBAc3Mgd29yZA=="],
            b"",
        ),
    ];
    for (number, sent) in (1..).zip(&requests) {
        // Each from its own address: repeated failures of one address are answered 429.
        let answer = app.send_from([127, 0, 1, number], sent).await;
        let text = String::from_utf8_lossy(sent);
        let expected = if text.starts_with("GET /inbound-messages/") { 404 } else { 401 };
        assert_eq!(answer.status, expected, "{text}");
        if expected == 401 {
            assert_eq!(answer.body, "wrong or missing credentials");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
    assert_eq!(app.rows().await, json!(0));
    app.stop().await;
}

#[tokio::test]
async fn each_account_gets_its_own_rows() {
    let app = TestApp::start().await;
    assert_eq!(app.get(&format!("/delivery-reports/{OTHER_TOKEN}?{REPORT}")).await.status, 200);
    assert_eq!(app.get(&format!("/delivery-reports/{TOKEN}?{REPORT}")).await.status, 200);
    assert_eq!(app.get(&format!("/inbound-messages?{LOGIN}&{MESSAGE}")).await.status, 200);
    assert_eq!(
        app.query(
            "select account from delivery_reports union all select account from inbound_messages"
        )
        .await,
        json!([{ "account": "other" }, { "account": "main" }, { "account": "main" }])
    );
    app.stop().await;
}

#[tokio::test]
async fn a_previous_password_and_token_are_taken_beside_the_current_ones_until_they_are_removed() {
    let old = "old-token-0123456789abcdef";
    let rotating = TestApp::start_with(&[
        ("ROUTO_ACCOUNTS__MAIN__PREVIOUS_PASSWORD", "old-password"),
        ("ROUTO_ACCOUNTS__MAIN__PREVIOUS_REPORT_TOKEN", old),
        // Two accounts may have the same previous password; the user distinguishes them.
        ("ROUTO_ACCOUNTS__OTHER__PREVIOUS_PASSWORD", "old-password"),
    ])
    .await;
    let rotated = TestApp::start().await;
    let table = [
        (format!("/delivery-reports/{TOKEN}?{REPORT}"), 200),
        (format!("/delivery-reports/{old}?{REPORT}"), 401),
        (format!("/delivery-reports?{LOGIN}&{REPORT}"), 200),
        (format!("/delivery-reports?user=gateway&pass=old-password&{REPORT}"), 401),
        (format!("/inbound-messages?{LOGIN}&{MESSAGE}"), 200),
        (format!("/inbound-messages?user=gateway&pass=old-password&{MESSAGE}"), 401),
        (format!("/inbound-messages?user=other&pass=old-password&{MESSAGE}"), 401),
    ];
    for (target, afterwards) in &table {
        assert_eq!(rotating.get(target).await.status, 200, "{target}");
        assert_eq!(rotated.get(target).await.status, *afterwards, "{target}");
    }
    let accounts = "select account, count(*) from (select account from delivery_reports
                    union all select account from inbound_messages) as stored
                    group by account order by account";
    assert_eq!(
        rotating.query(accounts).await,
        json!([{ "account": "main", "count": 6 }, { "account": "other", "count": 1 }])
    );
    assert_eq!(rotated.query(accounts).await, json!([{ "account": "main", "count": 3 }]));
    rotating.stop().await;
    rotated.stop().await;
}
