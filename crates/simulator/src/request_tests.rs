//! The exact bytes of requests, with and without oddities.

use super::*;

fn text(callback: &Callback, keep_alive: bool, attempt: Option<u32>) -> String {
    let bytes = callback.request("h", keep_alive, attempt);
    // One character a byte.
    bytes.into_iter().map(char::from).collect()
}

fn message(text: &[u8]) -> Callback {
    Callback::message("/m", ("u", "p w"), ("1", "2"), "0", text)
}

#[test]
fn a_report_is_a_get_with_a_query() {
    let report = Callback::report("/delivery-reports/t", "a&b=ü", -1, "+44");
    assert_eq!(
        text(&report, true, None),
        "GET /delivery-reports/t?mess_id=a%26b%3D%C3%BC&status=-1&number=%2B44 HTTP/1.1\r\n\
         Host: h\r\n\r\n"
    );
}

#[test]
fn a_message_is_a_form_of_bytes() {
    assert_eq!(
        text(&message(b"\x00\xe9"), false, Some(3)),
        "POST /m HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 59\r\n\r\n\
         user=u&pass=p+w&dcs=0&org=1&dest=2&message=%00%E9&attempt=3"
    );
}

#[test]
fn a_message_can_be_a_post_with_a_query_as_the_document_shows_it() {
    let expected = "POST /m?user=u&pass=p+w&dcs=0&org=1&dest=2&message=x HTTP/1.1\r\n\
                    Host: h\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(text(&message(b"x").by(Method::Post), true, None), expected);
}

#[test]
fn an_odd_form_is_written_as_odd_gateways_write_it() {
    let form = "user=u&pass=p+w&dcs=0&org=1&dest=2&message=x";
    let head = "POST /m HTTP/1.1\r\nHost: h\r\n";
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let table = [
        (Oddity::OldHttp, format!("POST /m HTTP/1.0\r\n{kind}Content-Length: 44\r\n\r\n{form}")),
        (Oddity::NoContentType, format!("{head}Content-Length: 44\r\n\r\n{form}")),
        (
            Oddity::CharsetInContentType,
            format!(
                "{head}Content-Type: application/x-www-form-urlencoded; charset=ISO-8859-1\r\n\
                 Content-Length: 44\r\n\r\n{form}"
            ),
        ),
        (Oddity::LineEnd, format!("{head}{kind}Content-Length: 46\r\n\r\n{form}\r\n")),
        (Oddity::UncountedLineEnd, format!("{head}{kind}Content-Length: 44\r\n\r\n{form}\r\n")),
        (
            Oddity::QueryAndForm,
            format!(
                "POST /m?user=u&pass=p+w&dcs=0 HTTP/1.1\r\nHost: h\r\n{kind}Content-Length: 22\r\n\r\n\
                 org=1&dest=2&message=x"
            ),
        ),
    ];
    for (oddity, expected) in table {
        assert_eq!(text(&message(b"x").oddly(oddity), true, None), expected, "{oddity:?}");
    }
}

#[test]
fn an_odd_query_is_written_as_odd_gateways_write_it() {
    let tail = "&status=0&number=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let table: [(Oddity, &str, &str); 8] = [
        (Oddity::DoubledQuestionMark, "m", "GET /r??mess_id=m"),
        (Oddity::BareEscapes, "100% off", "GET /r?mess_id=100%+off"),
        (Oddity::BareEscapes, "%zz%4", "GET /r?mess_id=%zz%4"),
        (Oddity::BareEscapes, "%41%", "GET /r?mess_id=%2541%"),
        (Oddity::RawBytes, "a \"b\" #1?", "GET /r?mess_id=a \"b\" #1?"),
        (Oddity::RawBytes, "é&+%\n", "GET /r?mess_id=\u{c3}\u{a9}%26%2b%25%0a"),
        (Oddity::LowerCaseEscapes, "a b-é", "GET /r?mess_id=a%20b%2d%c3%a9"),
        (Oddity::ExtraParameters, "m", "GET /r?mess_id=m"),
    ];
    for (oddity, mess_id, expected) in table {
        let report = Callback::report("/r", mess_id, 0, "1").oddly(oddity);
        assert_eq!(text(&report, true, None), format!("{expected}{tail}"), "{oddity:?}");
    }
    let second = Callback::new(Method::Get, "/r").with("via", "x").with("mess_id", "m");
    assert_eq!(
        text(&second.oddly(Oddity::SecondQuestionMark), true, Some(1)),
        "GET /r?via=x?mess_id=m&attempt=1 HTTP/1.1\r\nHost: h\r\n\r\n"
    );
    let bare = message(b"x").by(Method::Post).oddly(Oddity::NoContentLength);
    assert!(text(&bare, true, None).ends_with("message=x HTTP/1.1\r\nHost: h\r\n\r\n"));
    let old = Callback::report("/r", "m", 0, "1").oddly(Oddity::OldHttp);
    assert_eq!(text(&old, true, None), "GET /r?mess_id=m&status=0&number=1 HTTP/1.0\r\n\r\n");
}
