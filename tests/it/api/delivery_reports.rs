//! Delivery reports.

use serde_json::json;

use crate::support::app::{LOGIN, TOKEN, TestApp};
use crate::support::client::request;

const REPORT: &str = "mess_id=m1&status=0&number=447700900123";

#[tokio::test]
async fn a_report_of_status_0_is_stored_and_says_delivered() {
    let app = TestApp::start().await;
    let answer = app.report(REPORT).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(
        app.query("select account, mess_id, number, status, status_code, transport, remote_addr, extra from delivery_reports").await,
        json!([{ "account": "main", "mess_id": "m1", "number": "447700900123", "status": "0",
                 "status_code": 0, "transport": "http-get", "remote_addr": "127.0.0.1", "extra": {} }])
    );
    assert_eq!(
        app.query("select mess_id, number, status, status_code, description, outcome, final, reports from message_status").await,
        json!([{ "mess_id": "m1", "number": "447700900123", "status": "0", "status_code": 0,
                 "description": "Delivered", "outcome": "delivered", "final": true, "reports": 1 }])
    );
    let fresh = "select received_at between now() - interval '1 minute' and now() + interval '1 second' as fresh,
                        substr(id::text, 15, 1) = '7' as version_7 from delivery_reports";
    assert_eq!(app.query(fresh).await, json!([{ "fresh": true, "version_7": true }]));
    app.stop().await;
}

#[tokio::test]
async fn however_a_report_is_sent_it_is_the_same_row() {
    let app = TestApp::start().await;
    let form = ["Content-Type: application/x-www-form-urlencoded; charset=ISO-8859-1"];
    let basic = ["Authorization: Basic Z2F0ZXdheTptYWluLXBAc3Mgd29yZA=="];
    let requests: Vec<Vec<u8>> = vec![
        request("POST", &format!("/delivery-reports/{TOKEN}"), &form, REPORT.as_bytes()),
        request("POST", &format!("/delivery-reports/{TOKEN}"), &[], REPORT.as_bytes()),
        request("POST", &format!("/delivery-reports/{TOKEN}?mess_id=m1"), &form, b"status=0&number=447700900123"),
        request("POST", &format!("/delivery-reports/{TOKEN}?{REPORT}"), &["Content-Length: 0"], b""),
        format!("POST /delivery-reports/{TOKEN}?{REPORT} HTTP/1.0\r\n\r\n").into_bytes(),
        format!("GET /delivery-reports/{TOKEN}?{REPORT} HTTP/1.0\r\n\r\n").into_bytes(),
        format!("GET /delivery-reports/{TOKEN}?{REPORT} HTTP/1.0\n\n").into_bytes(),
        format!("GET http://example.com/delivery-reports/{TOKEN}?{REPORT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes(),
        request("GET", &format!("/delivery-reports?{REPORT}"), &basic, b""),
        request("POST", "/delivery-reports", &basic, REPORT.as_bytes()),
        request("GET", &format!("/delivery-reports?{LOGIN}&{REPORT}"), &[], b""),
        request("GET", &format!("/delivery-reports?{LOGIN}?{REPORT}"), &[], b""),
        request("POST", "/delivery-reports", &form, format!("{REPORT}&{LOGIN}").as_bytes()),
        request("GET", &format!("/delivery-reports/{TOKEN}??{REPORT}"), &[], b""),
        request("GET", &format!("/delivery-reports/{TOKEN}?mess_id=m1&status=0?number=447700900123"), &[], b""),
        request("GET", &format!("/delivery-reports/{TOKEN}?number=%34%347700900123&&status=0&mess_id=m1&"), &[], b""),
    ];
    for sent in &requests {
        let answer = app.send(sent).await;
        let text = String::from_utf8_lossy(sent);
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"), "{text}");
    }
    let different = "select distinct account, mess_id, number, status, status_code, extra from delivery_reports";
    assert_eq!(
        app.query(different).await,
        json!([{ "account": "main", "mess_id": "m1", "number": "447700900123", "status": "0",
                 "status_code": 0, "extra": {} }])
    );
    assert_eq!(app.rows().await, json!(requests.len()));
    app.stop().await;
}

#[tokio::test]
async fn a_late_sent_does_not_overwrite_delivered() {
    let app = TestApp::start().await;
    for status in [250, 0, 247] {
        assert_eq!(app.report(&format!("mess_id=m&number=1&status={status}")).await.status, 200);
    }
    assert_eq!(
        app.query("select status, outcome, final, reports, delivered_reports, failed_reports from message_status").await,
        json!([{ "status": "0", "outcome": "delivered", "final": true, "reports": 3,
                 "delivered_reports": 1, "failed_reports": 0 }])
    );
    assert_eq!(app.rows().await, json!(3));
    app.stop().await;
}

#[tokio::test]
async fn one_mess_id_for_ten_numbers_is_ten_messages_and_two_statuses_are_one() {
    let app = TestApp::start().await;
    for number in 0..10 {
        assert_eq!(
            app.report(&format!("mess_id=bulk&status=0&number=44{number}")).await.status,
            200
        );
    }
    assert_eq!(app.report("mess_id=bulk&status=9&number=440").await.status, 200);
    assert_eq!(app.rows().await, json!(11));
    assert_eq!(
        app.query("select count(*) as messages, sum(reports) as reports from message_status where mess_id = 'bulk'").await,
        json!([{ "messages": 10, "reports": 11 }])
    );
    assert_eq!(
        app.query("select status, delivered_reports, failed_reports from message_status where number = '440'").await,
        json!([{ "status": "9", "delivered_reports": 1, "failed_reports": 1 }])
    );
    app.stop().await;
}

#[tokio::test]
async fn an_unknown_status_is_kept_and_its_outcome_is_unknown() {
    let app = TestApp::start().await;
    let cases = [
        ("33", json!(33)),
        ("-1", json!(-1)),
        ("999999", json!(999_999)),
        ("DELIVRD", json!(null)),
        ("99999999999", json!(null)),
        ("", json!(null)),
    ];
    for (place, (status, code)) in cases.iter().enumerate() {
        let answer = app.report(&format!("mess_id=m{place}&number=1&status={status}")).await;
        assert_eq!(answer.status, 200, "{status}");
        let view = format!(
            "select status, status_code, description, outcome, final from message_status where mess_id = 'm{place}'"
        );
        assert_eq!(
            app.query(&view).await,
            json!([{ "status": status, "status_code": code, "description": null,
                     "outcome": "unknown", "final": false }])
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn a_number_is_stored_as_digits_only() {
    let app = TestApp::start().await;
    for number in ["+441234", "%2B441234", " 441234", "%20441234", "441234", "44%2012-34"] {
        assert_eq!(app.report(&format!("mess_id=m&status=0&number={number}")).await.status, 200);
    }
    assert_eq!(
        app.query("select number, count(*) from delivery_reports group by number").await,
        json!([{ "number": "441234", "count": 6 }])
    );
    app.stop().await;
}

#[tokio::test]
async fn a_report_that_lacks_a_parameter_is_refused_by_its_name_and_kept_without_secrets() {
    let app = TestApp::start().await;
    let login = format!("{LOGIN}&PASS=again");
    for (query, missing) in [
        ("status=0&number=1", "mess_id"),
        ("mess_id=caf%E9&status=0&x=%00", "number"),
        ("mess_id=m&number=1", "status"),
    ] {
        let answer = app.get(&format!("/delivery-reports?{login}&{query}")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.body,
            format!("parameter '{missing}' is missing; the callback is kept in rejected_callbacks")
        );
    }
    assert_eq!(app.report("mess_id=m&status=0").await.status, 400);
    let rejected = app
        .query("select account, kind, reason, request, transport, remote_addr from rejected_callbacks order by received_at")
        .await;
    assert_eq!(
        rejected[1],
        json!({ "account": "main", "kind": "delivery-report", "reason": "parameter 'number' is missing",
                "request": { "method": "GET", "path": "/delivery-reports",
                             "parameters": "mess_id=caf%E9&status=0&x=%00" },
                "transport": "http-get", "remote_addr": "127.0.0.1" })
    );
    assert_eq!(rejected.as_array().unwrap().len(), 4);
    let text = rejected.to_string();
    for secret in [TOKEN, "main-p", "gateway", "again"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_no_document_names_goes_to_extra_and_the_first_value_wins() {
    let app = TestApp::start().await;
    let query = format!(
        "{LOGIN}&mess_id=m&status=0&number=1&status=9&mcc=234&x=1&x=%C3%A9&x=%E9&y=%00&pass=no"
    );
    assert_eq!(app.report(&query).await.status, 200);
    assert_eq!(
        app.query("select status, extra from delivery_reports").await,
        json!([{ "status": "0",
                 "extra": { "status": "9", "mcc": "234", "x": ["1", "é", "é"], "y": "\u{FFFD}" } }])
    );
    app.stop().await;
}

#[tokio::test]
async fn odd_mess_ids_are_kept_as_they_are() {
    let app = TestApp::start().await;
    let cases = [
        ("", ""),
        ("a%20b", "a b"),
        ("a b \"c\" <d> #e", "a b \"c\" <d> #e"),
        ("caf%C3%A9", "café"),
        ("caf%E9", "café"),
        ("a%00b", "a\u{FFFD}b"),
        ("%F0%9F%98%80", "\u{1F600}"),
        ("100% ok", "100% ok"),
    ];
    for (sent, _) in cases {
        let request = format!(
            "GET /delivery-reports/{TOKEN}?status=0&number=1&mess_id={sent} HTTP/1.0\r\n\r\n"
        );
        assert_eq!(app.send(request.as_bytes()).await.status, 200, "{sent}");
    }
    let long = "x".repeat(2_000);
    assert_eq!(app.report(&format!("status=0&number=1&mess_id={long}")).await.status, 200);
    let stored = app.query("select mess_id from delivery_reports order by received_at").await;
    let stored: Vec<&str> =
        stored.as_array().unwrap().iter().map(|row| row["mess_id"].as_str().unwrap()).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, kept)| *kept).chain([long.as_str()]).collect();
    assert_eq!(stored, expected);
    app.stop().await;
}

#[tokio::test]
async fn many_reports_over_one_connection_are_each_stored_and_answered() {
    let app = TestApp::start().await;
    let mut pipelined = Vec::new();
    for place in 0..50 {
        let close = if place == 49 { "Connection: close\r\n" } else { "" };
        let target = format!("/delivery-reports/{TOKEN}?status=0&number=1&mess_id=a b{place}");
        pipelined.extend(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{close}\r\n").into_bytes());
    }
    let answer = app.send(&pipelined).await;
    assert_eq!(answer.body.matches("HTTP/1.1 200 OK").count(), 49);
    assert_eq!(
        app.database.value("select count(distinct mess_id) from delivery_reports").await,
        json!(50)
    );
    app.stop().await;
}
