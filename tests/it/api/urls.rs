//! The URL as people register and try it.

use serde_json::json;

use crate::support::app::{LOGIN, TOKEN, TestApp};
use crate::support::client::{get, request};

const REPORT: &str = "mess_id=m&status=0&number=1";
const MESSAGE: &str = "org=1&dest=2&message=a/b//c";

#[tokio::test]
async fn a_slash_too_many_and_an_ampersand_in_place_of_a_question_mark_are_ignored() {
    let app = TestApp::start().await;
    let targets = [
        format!("/delivery-reports/{TOKEN}/?{REPORT}"),
        format!("/delivery-reports/{TOKEN}//?{REPORT}"),
        format!("//delivery-reports/{TOKEN}?{REPORT}"),
        format!("/delivery-reports/{TOKEN}&{REPORT}"),
        format!("/delivery-reports/{TOKEN}/&{REPORT}"),
        format!("/delivery-reports/{TOKEN}&{REPORT}?x=y"),
        format!("/delivery-reports/?{LOGIN}&{REPORT}"),
        format!("/inbound-messages/?{LOGIN}&{MESSAGE}"),
        format!("/inbound-messages&{LOGIN}&{MESSAGE}"),
    ];
    for target in &targets {
        assert_eq!(app.get(target).await.status, 200, "{target}");
    }
    let posted = app.post(&format!("/delivery-reports/{TOKEN}/"), REPORT.as_bytes()).await;
    assert_eq!(posted.status, 200);
    assert_eq!(
        app.query("select distinct mess_id, status, number from delivery_reports").await,
        json!([{ "mess_id": "m", "status": "0", "number": "1" }])
    );
    assert_eq!(
        app.query("select distinct message from inbound_messages").await,
        json!([{ "message": "a/b//c" }])
    );
    for target in ["/delivery-reports/a/b", "/delivery-reports/wrong/", "/livez/"] {
        let expected = if target.ends_with("/b") { 404 } else { 401 };
        let expected = if target == "/livez/" { 200 } else { expected };
        assert_eq!(app.get(target).await.status, expected, "{target}");
    }
    assert_eq!(app.rows().await, json!(targets.len() + 1));
    app.stop().await;
}

#[tokio::test]
async fn a_console_that_tries_the_url_is_answered_and_leaves_no_row() {
    let app = TestApp::start().await;
    let by_token = format!("/delivery-reports/{TOKEN}");
    let by_login = format!("/inbound-messages?{LOGIN}");
    for target in [&by_token, &by_login, &format!("{by_token}?{REPORT}"), &format!("{by_token}/")] {
        let head = app.send(request("HEAD", target, &[], b"")).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{target}");
        let options = app.send(request("OPTIONS", target, &[], b"")).await;
        assert_eq!((options.status, options.body.as_str()), (204, ""), "{target}");
        assert_eq!(options.header("allow"), Some("GET,HEAD,OPTIONS,POST"), "{target}");
    }
    for target in [&by_token, &by_login, &format!("{by_token}?"), &format!("{by_token}/?&")] {
        let bare = app.get(target).await;
        assert_eq!(bare.status, 400, "{target}");
        assert!(bare.body.ends_with("this URL takes callbacks with their parameters"), "{bare:?}");
    }
    assert_eq!(app.rows().await, json!(0));

    // A bare POST may be a callback whose body was lost: it is kept.
    for target in [&by_token, &by_login] {
        assert_eq!(app.post(target, b"").await.status, 400, "{target}");
    }
    assert_eq!(app.rows().await, json!(2));
    app.stop().await;
}

#[tokio::test]
async fn every_answer_is_one_line_with_its_end() {
    let app = TestApp::start().await;
    for target in [
        format!("/delivery-reports/{TOKEN}?{REPORT}"),
        format!("/delivery-reports/{TOKEN}?status=0"),
        "/delivery-reports/wrong".to_owned(),
        "/nothing".to_owned(),
        "/livez".to_owned(),
        "/readyz".to_owned(),
    ] {
        let answer = crate::support::client::send_raw(app.http, get(&target)).await;
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        assert_eq!(body.matches('\n').count(), 1, "{answer}");
        assert!(body.ends_with('\n') && body.len() > 2, "{answer}");
    }
    app.stop().await;
}

#[tokio::test]
async fn the_public_listener_says_ready_and_the_admin_listener_says_where_callbacks_go() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/readyz").await.body, "ready");
    let admin = crate::support::client::send(app.service.admin_address, get("/readyz")).await;
    assert_eq!((admin.status, admin.body.as_str()), (200, "OK: callbacks go to Postgres"));
    app.stop().await;
}
