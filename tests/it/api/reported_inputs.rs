//! Inputs that public bug reports of similar services name; each test begins with their ids.

use serde_json::{Value, json};

use crate::support::app::{LOGIN, PASSWORD, TOKEN, TestApp};
use crate::support::client::request;

const REPORT: [(&str, &str); 3] = [("mess_id", "m1"), ("status", "0"), ("number", "447700900123")];

fn multipart(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in parts {
        body.push_str(&format!(
            "--x1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    (body + "--x1--\r\n").into_bytes()
}

#[tokio::test]
async fn h01_h02_both_callbacks_may_be_multipart() {
    let app = TestApp::start().await;
    let header = ["Content-Type: multipart/form-data; boundary=x1"];
    let path = format!("/delivery-reports/{TOKEN}");
    let login = [("user", "gateway"), ("pass", PASSWORD)];
    let message = [("org", "447700900123"), ("dest", "447"), ("message", "a+b%20é\r\n")];
    let by_login = multipart(&[&login[..], &REPORT].concat());
    for (path, body) in [
        (path.as_str(), multipart(&REPORT)),
        ("/delivery-reports", by_login),
        ("/inbound-messages", multipart(&[&login[..], &message].concat())),
    ] {
        let answer = app.send(request("POST", path, &header, &body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"), "{path}");
    }
    assert_eq!(
        app.query("select distinct mess_id, status, number, extra from delivery_reports").await,
        json!([{ "mess_id": "m1", "status": "0", "number": "447700900123", "extra": {} }])
    );
    assert_eq!(
        app.query("select org, dest, message, charset, extra from inbound_messages").await,
        json!([{ "org": "447700900123", "dest": "447", "message": "a+b%20é\r\n", "charset": "utf-8",
                 "extra": {} }])
    );
    app.stop().await;
}

#[tokio::test]
async fn h03_h07_a_body_that_is_no_form_is_answered_415_by_its_name_and_kept() {
    let app = TestApp::start().await;
    let path = format!("/delivery-reports/{TOKEN}?status=0");
    let json: &[u8] = br#"{"mess_id":"m1","number":447700900123}"#;
    let json_login =
        format!(r#"{{"user":"gateway","pass":"{PASSWORD}","org":"447","dest":"448"}}"#);
    let gzip: &[u8] = b"\x1F\x8B\x08\0\0\0\0\0\0\x03";
    for (target, headers, body, named) in [
        (path.as_str(), ["Content-Type: application/json", "X: y"], json, "application/json"),
        (
            "/inbound-messages",
            ["Content-Type: application/json", "X: y"],
            json_login.as_bytes(),
            "application/json",
        ),
        (
            &path,
            ["Content-Type: application/x-www-form-urlencoded", "Content-Encoding: gzip"],
            gzip,
            "gzip",
        ),
        (&path, ["Content-Type: application/xml", "X: y"], b"<a/>", "application/xml"),
    ] {
        let answer = app.send(request("POST", target, &headers, body)).await;
        assert_eq!(answer.status, 415, "{named}: {answer:?}");
        assert!(answer.body.contains(named), "{answer:?}");
    }
    assert_eq!(
        app.query(
            "select request ->> 'parameters' as kept from rejected_callbacks order by received_at"
        )
        .await,
        json!([{ "kept": "status=0&mess_id=m1&number=447700900123" }, { "kept": "org=447&dest=448" },
               { "kept": "status=0" }, { "kept": "status=0" }])
    );
    app.stop().await;
}

#[tokio::test]
async fn h04_h05_no_row_has_a_credential_whatever_shape_the_request_has() {
    let app = TestApp::start().await;
    let basic = "Z2F0ZXdheTptYWluLXBAc3Mgd29yZA==";
    let names = [
        "pass",
        "PASS",
        "pass[]",
        "password",
        "Password",
        "pwd",
        "%00pass",
        "pass%00",
        "+pass+",
        "amp;pass",
        "amp;amp;pass",
        "p%2561ss",
        "%22pass%22",
        "passwd",
    ];
    let misspelt: String = names.map(|name| format!("&{name}=of-another")).concat();
    let json = format!(
        r#"{{"user":"gateway","pass":"{PASSWORD}","a":{{"b":"main-p\u0040ss word"}},"c":"{TOKEN}"}}"#
    );
    let part = [("user", "gateway"), ("pass", PASSWORD), ("note", PASSWORD), (PASSWORD, "x")];
    let no_content_type = ["X: y"];
    let values = format!(
        "a={TOKEN}&b=main-p%40ss+word&c=main-p%2540ss%2520word&d=Basic+{basic}&{TOKEN}&e=6d61696e2d7040737320776f7264"
    );
    for (headers, body) in [
        (["Content-Type: multipart/form-data; boundary=x1"], multipart(&part)),
        (["Content-Type: multipart/form-data; boundary=other"], multipart(&part)),
        (no_content_type, multipart(&part)),
        (["Content-Type: application/json"], json.clone().into_bytes()),
        (no_content_type, json.clone().into_bytes()),
        (["Content-Type: application/xml"], format!("<pass>{PASSWORD}</pass>").into_bytes()),
        (["Content-Type: text/plain"], format!("pass: {PASSWORD}").into_bytes()),
        (no_content_type, values.clone().into_bytes()),
        (no_content_type, misspelt.clone().into_bytes()),
    ] {
        // Rejected, and stored with these parameters as extra.
        for query in ["", "&mess_id=m&status=0&number=447", "&org=447&dest=448"] {
            for path in ["/delivery-reports", "/inbound-messages"] {
                let target = format!("{path}?{LOGIN}{query}");
                let answer = app.send(request("POST", &target, &headers, &body)).await;
                assert!([200, 400, 415].contains(&answer.status), "{answer:?}");
                assert!(!answer.body.contains(PASSWORD), "{answer:?}");
            }
        }
    }
    let stored = app
        .query(
            "select to_jsonb(r) as stored from rejected_callbacks as r
             union all select to_jsonb(r) from delivery_reports as r
             union all select to_jsonb(r) from inbound_messages as r",
        )
        .await;
    assert_eq!(stored.as_array().unwrap().len(), 9 * 6);
    let text = stored.to_string();
    for secret in [
        PASSWORD,
        TOKEN,
        basic,
        "main-p",
        "ss word",
        "ss+word",
        "ss%20word",
        "6d61696e",
        "of-another",
        "gateway",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("***"));
    app.stop().await;
}

#[tokio::test]
async fn h05_the_text_of_a_message_is_never_changed() {
    let app = TestApp::start().await;
    let form = format!("message={TOKEN}&message={TOKEN}");
    assert_eq!(app.message(&form).await.status, 200);
    assert_eq!(
        app.query("select message, extra from inbound_messages").await,
        json!([{ "message": TOKEN, "extra": { "message": "***" } }])
    );
    app.stop().await;
}

#[tokio::test]
async fn h11_h12_names_are_understood_in_any_case_and_behind_an_escaped_ampersand() {
    let app = TestApp::start().await;
    for query in [
        "MESS_ID=m1&Status=0&NUMBER=447700900123",
        "mess_id=m1&amp;status=0&amp;number=447700900123",
        "mess_id=m1&amp;amp;STATUS=0&AMP;Number=447700900123",
        "mess_id=m1& status =0&%00number=447700900123",
        "%EF%BB%BFmess_id=m1&%23038;status=0&%2338;number=447700900123",
    ] {
        assert_eq!(app.report(query).await.status, 200, "{query}");
    }
    assert_eq!(
        app.query("select distinct mess_id, status, number, extra from delivery_reports").await,
        json!([{ "mess_id": "m1", "status": "0", "number": "447700900123", "extra": {} }])
    );
    let login = LOGIN.replace("user", "User").replace("pass", "PASS");
    let form = format!("{login}&ORG=447&Dest=448&Message=x&message=y");
    assert_eq!(app.post("/inbound-messages", form.as_bytes()).await.status, 200);
    assert_eq!(
        app.query("select org, dest, message, extra from inbound_messages").await,
        json!([{ "org": "447", "dest": "448", "message": "y", "extra": { "Message": "x" } }])
    );
    app.stop().await;
}

#[tokio::test]
async fn n01_n02_n03_n07_a_number_is_changed_only_if_it_is_one_and_what_came_is_kept() {
    let app = TestApp::start().await;
    let cases = [
        ("%2B447700900123", "447700900123", None),
        ("+447700900123", "447700900123", None),
        ("447700900123.0", "447700900123.0", None),
        ("4.47700900123E11", "4.47700900123E11", None),
        ("447700900123,447700900456", "447700900123,447700900456", None),
        ("447700900123%20447700900456", "447700900123 447700900456", None),
        ("%E2%80%AA447700900123%E2%80%AC", "447700900123", Some("\u{202A}447700900123\u{202C}")),
        ("44%C2%A07700%C2%A0900123", "447700900123", Some("44\u{A0}7700\u{A0}900123")),
        ("44%A07700%A0900123", "447700900123", Some("44\u{A0}7700\u{A0}900123")),
        ("00447700900123", "447700900123", Some("00447700900123")),
    ];
    for (number, ..) in cases {
        assert_eq!(app.report(&format!("mess_id=m&status=0&number={number}")).await.status, 200);
        let form = format!("{LOGIN}&org={number}&dest={number}&message=x");
        assert_eq!(app.post("/inbound-messages", form.as_bytes()).await.status, 200);
    }
    let expected = |extra: &dyn Fn(&str) -> Value| -> Value {
        let row = |(_, stored, received): &(_, &str, Option<&str>)| json!({ "number": stored, "extra": received.map_or(json!({}), extra) });
        cases.iter().map(row).collect()
    };
    assert_eq!(
        app.query("select number, extra from delivery_reports order by received_at").await,
        expected(&|received| json!({ "number_received": received }))
    );
    assert_eq!(
        app.query("select org as number, extra from inbound_messages where org = dest order by received_at").await,
        expected(&|received| json!({ "org_received": received, "dest_received": received }))
    );
    app.stop().await;
}

#[tokio::test]
async fn m01_to_m13_texts_are_read_or_marked() {
    let app = TestApp::start().await;
    let cases = [
        ("dcs=0&message=Za%C5%BC%C3%B3%C5", "Zażó\u{FFFD}", "utf-8-failed"),
        ("dcs=8&message=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82", "Привет", "utf-8"),
        ("dcs=0&message=%05%00%03%A5%02%01Hello", "Hello", "iso-8859-1"),
        ("dcs=8&message=%06%08%04%00%01%02%01%FF%FEA%00", "A", "utf-16le"),
        ("dcs=0&message=caf%05", "café", "gsm-7"),
        ("dcs=0&message=caf%E9%05", "café\u{5}", "iso-8859-1-failed"),
        ("dcs=1&message=%1BS", "S", "gsm-7-failed"),
    ];
    for (form, text, charset) in cases {
        assert_eq!(app.message(form).await.status, 200, "{form}");
        let newest =
            "select message, charset from inbound_messages order by received_at desc limit 1";
        assert_eq!(
            app.query(newest).await,
            json!([{ "message": text, "charset": charset }]),
            "{form}"
        );
    }
    let raw = "select encode(message_raw, 'hex') from inbound_messages where message = 'Hello'";
    assert_eq!(app.database.value(raw).await, json!("050003a5020148656c6c6f"));
    app.stop().await;
}

#[tokio::test]
async fn m13_the_declared_charset_is_believed_where_the_bytes_fit() {
    let app = TestApp::start_with(&[("ROUTO_ACCOUNTS__MAIN__ENCODINGS__16", "iso-8859-1")]).await;
    let cases = [
        ("windows-1251", "dcs=0&message=%CF%F0%E8", "При", "windows-1251"),
        ("windows-1251", "message=%CF%F0%E8", "При", "windows-1251"),
        ("windows-1251", "dcs=16&message=%CF", "Ï", "iso-8859-1"),
        ("windows-1251", "dcs=8&message=041F", "П", "utf-16be-hex"),
        ("Shift_JIS", "dcs=0&message=caf%E9", "café", "iso-8859-1"),
        ("ISO-8859-1", "dcs=0&message=caf%C3%A9", "café", "utf-8"),
        ("nonsense", "dcs=0&message=caf%E9", "café", "iso-8859-1"),
    ];
    for (declared, form, text, charset) in cases {
        let header = format!("Content-Type: application/x-www-form-urlencoded; charset={declared}");
        let form = format!("{LOGIN}&org=447&dest=448&{form}");
        let sent = request("POST", "/inbound-messages", &[&header], form.as_bytes());
        assert_eq!(app.send(sent).await.status, 200, "{form}");
        let newest =
            "select message, charset from inbound_messages order by received_at desc limit 1";
        assert_eq!(
            app.query(newest).await,
            json!([{ "message": text, "charset": charset }]),
            "{form}"
        );
    }
    app.stop().await;
}
