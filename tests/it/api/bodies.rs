//! Bodies that are no urlencoded form.

use serde_json::json;

use crate::support::app::{LOGIN, PASSWORD, TOKEN, TestApp};
use crate::support::client::request;

fn multipart(parameters: &[(&str, &str)]) -> Vec<u8> {
    let parts = parameters.iter().map(|(name, value)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let mut body: String = parts.collect();
    body.push_str("--b--\r\n");
    body.into_bytes()
}

const MULTIPART: &str = "Content-Type: multipart/form-data; boundary=b";
const REPORT: [(&str, &str); 3] = [("mess_id", "m"), ("status", "0"), ("number", "447700900123")];
const MESSAGE: [(&str, &str); 3] =
    [("org", "447700900123"), ("dest", "2"), ("message", "caf\u{e9}")];

#[tokio::test]
async fn h01_h02_multipart_is_taken_like_a_form() {
    let app = TestApp::start().await;
    let report =
        request("POST", &format!("/delivery-reports/{TOKEN}"), &[MULTIPART], &multipart(&REPORT));
    assert_eq!(app.send(report).await.status, 200);
    let login = [("user", "gateway"), ("pass", PASSWORD)];
    let body = multipart(&[&login[..], &MESSAGE].concat());
    let message = request("POST", "/inbound-messages", &[MULTIPART], &body);
    assert_eq!(app.send(message).await.status, 200);
    assert_eq!(
        app.query("select mess_id, status, number, extra from delivery_reports").await,
        json!([{ "mess_id": "m", "status": "0", "number": "447700900123", "extra": {} }])
    );
    assert_eq!(
        app.query("select org, message, extra from inbound_messages").await,
        json!([{ "org": "447700900123", "message": "caf\u{e9}", "extra": {} }])
    );
    app.stop().await;
}

#[tokio::test]
async fn h03_h07_a_body_that_can_t_be_read_is_415_by_name_and_kept_if_the_head_has_credentials() {
    let app = TestApp::start().await;
    let json = (["Content-Type: application/json"], b"{\"message\":\"m\"}".as_slice(), "json");
    let gzip = (["Content-Encoding: gzip"], b"\x1f\x8b\x08\0\0".as_slice(), "gzip");
    for (headers, body, name) in [json, gzip] {
        for target in [format!("/delivery-reports/{TOKEN}"), format!("/inbound-messages?{LOGIN}")] {
            let answer = app.send(request("POST", &target, &headers, body)).await;
            assert_eq!(answer.status, 415, "{target} {answer:?}");
            assert!(answer.body.contains(name), "{answer:?}");
            assert!(answer.body.ends_with("kept in rejected_callbacks"), "{answer:?}");
        }
        // Without credentials, nothing is kept; the answer does not blame them.
        let answer = app.send(request("POST", "/inbound-messages", &headers, body)).await;
        assert_eq!(answer.status, 415, "{answer:?}");
        assert!(!answer.body.contains("kept"), "{answer:?}");
    }
    assert_eq!(
        app.query("select count(*), count(*) filter (where reason like '%can''t be read%') as named from rejected_callbacks").await,
        json!([{ "count": 4, "named": 4 }])
    );
    app.stop().await;
}

#[tokio::test]
async fn no_row_has_a_password_however_the_body_was_written() {
    let app = TestApp::start().await;
    let json = format!("{{\"user\":\"gateway\",\"pass\":\"{PASSWORD}\",\"x\":1}}");
    let parts = multipart(&[("user", "gateway"), ("pass", PASSWORD), ("x", "1")]);
    for target in [format!("/delivery-reports/{TOKEN}"), format!("/inbound-messages?{LOGIN}")] {
        for (header, body) in [
            ("Content-Type: application/json", json.as_bytes()),
            ("Content-Type: text/plain", json.as_bytes()),
            (MULTIPART, &parts),
        ] {
            let answer = app.send(request("POST", &target, &[header], body)).await;
            assert!([400, 415].contains(&answer.status), "{answer:?}");
        }
    }
    let rows = app.query("select to_jsonb(r) as row from rejected_callbacks r").await;
    assert_eq!(rows.as_array().unwrap().len(), 6);
    assert!(!rows.to_string().contains("main-p"), "{rows}");
    app.stop().await;
}

#[tokio::test]
async fn m13_the_charset_that_the_content_type_declares_is_used() {
    let app = TestApp::start().await;
    let header = ["Content-Type: application/x-www-form-urlencoded; charset=windows-1251"];
    let body = b"org=447700900123&dest=2&dcs=0&message=%CF%F0%E8%E2%E5%F2";
    let sent = request("POST", &format!("/inbound-messages?{LOGIN}"), &header, body);
    assert_eq!(app.send(sent).await.status, 200);
    let privet = "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}";
    assert_eq!(
        app.query("select message from inbound_messages").await,
        json!([{ "message": privet }])
    );
    app.stop().await;
}
