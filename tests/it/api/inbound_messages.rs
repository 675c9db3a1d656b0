//! Inbound messages.

use serde_json::json;

use crate::support::app::{LOGIN, TestApp};
use crate::support::client::request;

#[tokio::test]
async fn a_message_is_one_message_wherever_its_parameters_are() {
    let app = TestApp::start().await;
    let all = format!("{LOGIN}&dcs=0&org=441111&dest=447000&message=Hello");
    let split = (format!("{LOGIN}&dcs=0"), "org=%2B441111&dest=447000&message=Hello");
    let requests = [
        request("POST", &format!("/inbound-messages?{all}"), &["Content-Length: 0"], b""),
        format!("POST /inbound-messages?{all} HTTP/1.0\r\n\r\n").into_bytes(),
        request("POST", "/inbound-messages", &[], all.as_bytes()),
        request(
            "POST",
            "/inbound-messages",
            &["Content-Type: text/plain"],
            format!("{all}\r\n").as_bytes(),
        ),
        request("POST", &format!("/inbound-messages?{}", split.0), &[], split.1.as_bytes()),
        request("GET", &format!("/inbound-messages?{all}"), &[], b""),
        chunked(&all),
    ];
    for sent in &requests {
        let answer = app.send(sent).await;
        let text = String::from_utf8_lossy(sent);
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"), "{text}");
    }
    assert_eq!(
        app.query("select account, org, dest, dcs, message, message_raw, charset, extra, processed_at, attempts from inbox").await,
        json!([{ "account": "main", "org": "441111", "dest": "447000", "dcs": "0", "message": "Hello",
                 "message_raw": "\\x48656c6c6f", "charset": "iso-8859-1", "extra": {},
                 "processed_at": null, "attempts": requests.len() }])
    );
    assert_eq!(app.rows().await, json!(requests.len()));
    app.stop().await;
}

fn chunked(form: &str) -> Vec<u8> {
    let (a, b) = form.split_at(7);
    format!(
        "POST /inbound-messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    )
    .into_bytes()
}

/// Sends each message, raw bytes in the query of an HTTP/1.0 `POST`, and compares text, raw bytes
/// and charset of what is stored.
async fn check(dcs: &str, cases: &[(&[u8], &str, &[u8], &str)]) {
    let app = TestApp::start().await;
    for (sent, text, raw, charset) in cases {
        let head = format!("POST /inbound-messages?{LOGIN}&org=441&dest=447{dcs}&message=");
        let request = [head.as_bytes(), sent, b" HTTP/1.0\r\n\r\n"].concat();
        assert_eq!(app.send(&request).await.status, 200, "{sent:02X?}");
        let newest = "select message, encode(message_raw, 'hex') as raw, charset from inbound_messages order by received_at desc limit 1";
        let hex = raw.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
        let expected = json!([{ "message": text, "raw": hex, "charset": charset }]);
        assert_eq!(app.query(newest).await, expected, "{sent:02X?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn the_default_text_is_right_and_its_bytes_are_exact() {
    let long = "Ab".repeat(5_000);
    check(
        "&dcs=0",
        &[
            (b"%C3%A9", "é", b"\xC3\xA9", "utf-8"),
            (b"%E9", "é", b"\xE9", "iso-8859-1"),
            (b"caf\xE9 \xC3 ok", "café Ã ok", b"caf\xE9 \xC3 ok", "iso-8859-1"),
            (b"caf\xC3\xA9", "café", b"caf\xC3\xA9", "utf-8"),
            (b"100% off", "100% off", b"100% off", "iso-8859-1"),
            (b"a+b%2Bc", "a b+c", b"a b+c", "iso-8859-1"),
            (
                b"how are you? #1 \"<>\"",
                "how are you? #1 \"<>\"",
                b"how are you? #1 \"<>\"",
                "iso-8859-1",
            ),
            (b"%80", "€", b"\x80", "windows-1252"),
            (b"a%00b", "a\u{FFFD}b", b"a\0b", "iso-8859-1-failed"),
            (b"", "", b"", "iso-8859-1"),
            (long.as_bytes(), &long, long.as_bytes(), "iso-8859-1"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_gsm_message_has_its_at_and_euro_signs() {
    check(
        "&dcs=1",
        &[
            (b"%00", "@", b"\0", "gsm-7"),
            (b"%1B%65", "€", b"\x1Be", "gsm-7"),
            (b"Gr%7E%1E%05", "Grüßé", b"Gr\x7E\x1E\x05", "gsm-7"),
            (b"%1B", "\u{FFFD}", b"\x1B", "gsm-7-failed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_utf16_message_is_decoded_or_marked_as_failed() {
    check(
        "&dcs=8",
        &[
            (b"062D06270644", "حال", b"062D06270644", "utf-16be-hex"),
            (b"%06%2D%06%27", "حا", b"\x06\x2D\x06\x27", "utf-16be"),
            (b"D83DDE00", "\u{1F600}", b"D83DDE00", "utf-16be-hex"),
            (b"%D8%3D%DE%00", "\u{1F600}", b"\xD8\x3D\xDE\0", "utf-16be"),
            (b"%D8%3D", "\u{FFFD}", b"\xD8\x3D", "utf-16be-failed"),
            (b"0041D83D", "A\u{FFFD}", b"0041D83D", "utf-16be-hex-failed"),
            (b"00410", "A\u{FFFD}", b"00410", "utf-16be-hex-failed"),
            (b"%00A%00", "A\u{FFFD}", b"\0A\0", "utf-16be-failed"),
            (b"xyz!", "\u{7879}\u{7A21}", b"xyz!", "utf-16be"),
            (b"%00%00", "\u{FFFD}", b"\0\0", "utf-16be-failed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_binary_message_is_kept_as_its_bytes() {
    for dcs in ["&dcs=4", "&dcs=245"] {
        check(dcs, &[(b"%06%05%04%00", "", b"\x06\x05\x04\0", "binary")]).await;
    }
}

#[tokio::test]
async fn a_message_without_a_usable_dcs_is_read_as_the_default() {
    for dcs in ["", "&dcs=", "&dcs=abc", "&dcs=999"] {
        check(dcs, &[(b"caf%E9", "café", b"caf\xE9", "iso-8859-1")]).await;
    }
}

#[tokio::test]
async fn a_message_may_lack_its_text_and_dcs_but_not_its_numbers() {
    let app = TestApp::start().await;
    assert_eq!(app.message("").await.status, 200);
    assert_eq!(
        app.query("select dcs, message, message_raw from inbound_messages").await,
        json!([{ "dcs": null, "message": "", "message_raw": "\\x" }])
    );
    for (form, missing) in [("dest=1&message=m", "org"), ("org=1&message=m%00", "dest")] {
        let answer = app.post("/inbound-messages", format!("{LOGIN}&{form}").as_bytes()).await;
        assert_eq!(answer.status, 400);
        assert!(
            answer.body.contains(&format!("parameter '{missing}' is missing")),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        app.query("select kind, request->>'parameters' as parameters from rejected_callbacks order by received_at").await,
        json!([{ "kind": "inbound-message", "parameters": "dest=1&message=m" },
               { "kind": "inbound-message", "parameters": "org=1&message=m%00" }])
    );
    app.stop().await;
}

#[tokio::test]
async fn an_account_can_read_a_dcs_its_own_way() {
    let app = TestApp::start_with(&[
        ("ROUTO_ACCOUNTS__MAIN__ENCODINGS__0", "gsm-7"),
        ("ROUTO_ACCOUNTS__MAIN__ENCODINGS__MISSING", "utf-16"),
    ])
    .await;
    assert_eq!(app.message("dcs=0&message=%00").await.status, 200);
    assert_eq!(app.message("message=00E9").await.status, 200);
    let other = "user=other&pass=other-password&org=1&dest=2&dcs=0&message=%E9";
    assert_eq!(app.post("/inbound-messages", other.as_bytes()).await.status, 200);
    assert_eq!(
        app.query("select account, message, charset from inbound_messages order by received_at")
            .await,
        json!([{ "account": "main", "message": "@", "charset": "gsm-7" },
               { "account": "main", "message": "é", "charset": "utf-16be-hex" },
               { "account": "other", "message": "é", "charset": "iso-8859-1" }])
    );
    app.stop().await;
}

#[tokio::test]
async fn repeated_attempts_are_one_message_in_the_inbox_and_later_ones_another() {
    let app = TestApp::start().await;
    for form in ["message=Yes", "message=Yes", "message=No", "message=Yes"] {
        assert_eq!(app.message(form).await.status, 200);
    }
    // The same person says the same again, two minutes after.
    app.database
        .execute(
            "update inbound_messages set received_at = received_at + interval '2 minutes'
                  where id = (select id from inbound_messages order by received_at desc limit 1)",
        )
        .await;
    assert_eq!(
        app.query("select message, attempts, first_received_at = received_at as first, last_received_at > first_received_at as spread from inbox order by received_at").await,
        json!([{ "message": "Yes", "attempts": 2, "first": true, "spread": true },
               { "message": "No", "attempts": 1, "first": true, "spread": false },
               { "message": "Yes", "attempts": 1, "first": true, "spread": false }])
    );
    app.stop().await;
}

#[tokio::test]
async fn m15_the_same_text_in_two_parts_is_two_messages() {
    let app = TestApp::start().await;
    for part in ["01", "02", "01"] {
        assert_eq!(app.message(&format!("message=x&udh=0500030102{part}")).await.status, 200);
    }
    let found = "select extra ->> 'udh' as udh, attempts from inbox order by received_at";
    assert_eq!(
        app.query(found).await,
        json!([{ "udh": "050003010201", "attempts": 2 }, { "udh": "050003010202", "attempts": 1 }])
    );
    app.stop().await;
}
