//! Who is let in, and that nothing of the others is stored.

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
        // A token is for reports, and a wrong login is not mended by it.
        request("GET", &format!("/inbound-messages/{TOKEN}?{MESSAGE}"), &[], b""),
        request(
            "GET",
            &format!("/delivery-reports?user=gateway&pass=wrong&{REPORT}"),
            &["Authorization: Basic Z2F0ZXdheTptYWluLXBAc3Mgd29yZA=="],
            b"",
        ),
    ];
    for sent in &requests {
        let answer = app.send(sent).await;
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
