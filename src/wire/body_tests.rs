//! Parameters from bodies of every type.

use proptest::prelude::*;

use super::*;
use crate::accounts::{EncodingOverrides, Secrets};
use crate::domain::{CallbackKind, RejectedContent};
use crate::wire::params::{Input, MAX_PARAMETERS, Params};

const KIND: CallbackKind = CallbackKind::DeliveryReport;

fn read<'a>(body_type: &'a BodyType, body: &'a [u8]) -> Params<'a> {
    Params::read(KIND, Input { path: b"", query: b"", body_type, body })
}

fn pairs(content_type: &str, body: &[u8]) -> Vec<(String, String)> {
    let body_type = BodyType::new(Some(content_type.as_bytes()), None);
    let params = read(&body_type, body);
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    params.pairs.iter().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

fn unreadable(content_type: &str, encoding: Option<&str>, body: &[u8]) -> Option<UnreadableBody> {
    let body_type = BodyType::new(Some(content_type.as_bytes()), encoding.map(str::as_bytes));
    read(&body_type, body).unreadable_body()
}

#[test]
fn h01_h02_a_multipart_body_has_parameters_like_a_form() {
    let plain = "--B\r\nContent-Disposition: form-data; name=\"mess_id\"\r\n\r\na+b%20\r\n--B\r\nContent-Disposition: form-data; name=\"status\"\r\n\r\n0\r\n--B--\r\n";
    let expected = [("mess_id", "a+b%20"), ("status", "0")];
    let replaced = |from: &str, to: &str| plain.replace(from, to);
    for (name, content_type, body) in [
        ("plain", "multipart/form-data; boundary=B", plain.to_owned()),
        ("quoted", "multipart/form-data; boundary=\"B\"", plain.to_owned()),
        ("letter case", "Multipart/Form-Data; Charset=utf-8; BOUNDARY = B ", plain.to_owned()),
        ("no boundary", "multipart/form-data", plain.to_owned()),
        ("another boundary", "multipart/form-data; boundary=C", plain.to_owned()),
        ("another type", "multipart/mixed; boundary=B", plain.to_owned()),
        ("no type", "", plain.to_owned()),
        ("a wrong type", "application/x-www-form-urlencoded", plain.to_owned()),
        ("LF", "multipart/form-data; boundary=B", replaced("\r\n", "\n")),
        ("no final delimiter", "multipart/form-data; boundary=B", replaced("--B--\r\n", "")),
        ("no line end", "multipart/form-data; boundary=B", replaced("\r\n--B--\r\n", "")),
        ("preamble, epilogue", "multipart/form-data; boundary=B", format!("x\r\n{plain}y")),
        ("padding", "multipart/form-data; boundary=B", replaced("--B\r", "--B \t\r")),
        (
            "file",
            "multipart/form-data; boundary=B",
            replaced("\"status\"", "\"status\"; filename=\"a;b.txt\"\r\nContent-Type: text/plain"),
        ),
        (
            "name last",
            "multipart/form-data; boundary=B",
            replaced("name=\"status\"", "filename=\"\\\\\\\"name=x\"; name=status"),
        ),
        ("percent", "multipart/form-data; boundary=B", replaced("\"status\"", "\"%73tatus\"")),
        (
            "RFC 5987",
            "multipart/form-data; boundary=B",
            replaced("name=\"status\"", "name*=utf-8''%73tatus"),
        ),
        (
            "header case",
            "multipart/form-data; boundary=B",
            replaced("Content-Disposition:", "content-disposition :"),
        ),
    ] {
        let found = pairs(content_type, body.as_bytes());
        let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn h01_values_of_parts_are_exact_and_parts_without_a_name_are_kept() {
    let body = b"--B\r\nContent-Disposition: form-data; name=\"a\xE9\"\r\n\r\n\r\n--Bx\r\n x--B\0\xFF\r\n\r\n--B\r\n\r\nno name\r\n--B\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--B--";
    let body_type = BodyType::new(Some(b"multipart/form-data; boundary=B"), None);
    let params = read(&body_type, body);
    let found: Vec<_> = params.pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
    let first: (&[u8], &[u8]) = (b"a\xE9", b"\r\n--Bx\r\n x--B\0\xFF\r\n");
    assert_eq!(found, [first, (b"", b"no name"), (b"x", b"")]);
}

#[test]
fn h01_more_parts_than_the_bound_are_one_value() {
    let part =
        |name: &str| format!("--B\r\nContent-Disposition: form-data; name={name}\r\n\r\n1&\r\n");
    let body = part("a").repeat(MAX_PARAMETERS) + &part("pass") + &part("x") + "--B--";
    let found = pairs("multipart/form-data; boundary=B", body.as_bytes());
    assert_eq!(found.len(), MAX_PARAMETERS);
    assert_eq!(found.last().unwrap(), &("&".to_owned(), "a=1%26&x=1%26".to_owned()));
}

#[test]
fn a_form_by_any_other_name_is_a_form() {
    let form = b"mess_id=1&status=0\r\n";
    let expected = [("mess_id".to_owned(), "1".to_owned()), ("status".to_owned(), "0".to_owned())];
    for content_type in [
        "",
        "text/plain",
        "nonsense",
        ";;=;\"",
        "application/octet-stream",
        "application/x-www-form-urlencoded; charset=ISO-8859-1",
        "application/json",
        "application/xml",
        "image/png",
        "multipart/form-data; boundary=B",
    ] {
        assert_eq!(pairs(content_type, form), expected, "{content_type}");
        assert_eq!(unreadable(content_type, Some("gzip"), form), None, "{content_type}");
    }
}

#[test]
fn h03_h07_a_body_that_is_no_form_is_named() {
    let json = UnreadableBody::Type("application/json");
    let encoding = UnreadableBody::Encoding;
    let gzip: &[u8] = b"\x1F\x8B\x08\0\0";
    let cases: [(&str, Option<&str>, &[u8], Option<UnreadableBody>); 18] = [
        ("application/json", None, b"{\"mess_id\":\"1\"}", Some(json)),
        ("application/json; charset=utf-8", None, b" [1]", Some(json)),
        ("application/vnd.x+json", None, b"\"x\"", Some(json)),
        ("text/json", None, b"{", Some(json)),
        ("", None, b"{\"mess_id\":\"1\"}", Some(json)),
        ("application/x-www-form-urlencoded", None, b"{\"mess_id\":\"1\"}", Some(json)),
        ("application/xml", None, b"<a/>", Some(UnreadableBody::Type("application/xml"))),
        ("application/soap+xml", None, b"<a/>", Some(UnreadableBody::Type("application/xml"))),
        ("image/png", None, b"\x89PNG", Some(UnreadableBody::Type("image"))),
        ("", Some("gzip"), gzip, Some(encoding("gzip"))),
        ("", Some("identity, X-GZIP"), gzip, Some(encoding("gzip"))),
        ("", Some("br"), b"\x0B\x02\x80", Some(encoding("br"))),
        ("", Some("Deflate"), b"\x78\x9C", Some(encoding("deflate"))),
        ("", None, gzip, Some(encoding("gzip"))),
        (
            "multipart/form-data; boundary=B",
            None,
            b"x",
            Some(UnreadableBody::Type("multipart without any part")),
        ),
        // Nothing to read.
        ("application/json", None, b" \r\n", None),
        ("application/json", None, b"{}", None),
        ("", Some("gzip"), b"", None),
    ];
    for (content_type, encoding, body, expected) in cases {
        assert_eq!(unreadable(content_type, encoding, body), expected, "{content_type} {body:?}");
    }
}

#[test]
fn h03_the_members_of_a_json_body_are_kept_and_can_be_replayed() {
    let body = br#"{"user":"u","pass":"p","mess_id":"\u00e9\"","status":0,"number":"44","x":{"pass":"s3cret"},"n":null}"#;
    let body_type = BodyType::new(Some(b"application/json"), None);
    let params = read(&body_type, body);
    assert_eq!(params.first("pass"), Some(b"p".as_slice()));
    let secret = "s3cret".to_owned().into();
    let RejectedContent::Parameters(kept) =
        params.to_rejected_content(&[&secret].into_iter().collect());
    assert_eq!(kept, "mess_id=%C3%A9%22&status=0&number=44&x=%7B%22pass%22%3A%22***%22%7D&n=null");
    let again = Params::parse(KIND, kept.as_bytes(), b"");
    assert_eq!(again.unreadable_body(), None);
}

#[test]
fn m13_a_charset_is_declared_by_the_type_a_part_or_a_parameter_and_survives_a_replay() {
    let part = "--B\r\nContent-Disposition: form-data; name=message\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\n\u{1}\r\n--B--";
    let part: Vec<u8> = part.bytes().map(|byte| if byte == 1 { 0xCF } else { byte }).collect();
    for (content_type, body) in [
        ("application/x-www-form-urlencoded; charset=windows-1251", b"message=%CF".as_slice()),
        ("text/plain;x=y;charset=\"CP1251\"", b"message=%CF"),
        ("multipart/form-data; boundary=B", &part),
        ("", b"message=%CF&_charset_=windows-1251"),
    ] {
        let kind = CallbackKind::InboundMessage;
        let body_type = BodyType::new(Some(content_type.as_bytes()), None);
        let params =
            Params::read(kind, Input { path: b"", query: b"", body_type: &body_type, body });
        assert_eq!(
            params.charset().map(DeclaredCharset::as_str),
            Some("windows-1251"),
            "{content_type}"
        );
        let decode = |params: &Params<'_>| {
            let raw = params.first("message").unwrap();
            crate::wire::decode_message(raw, None, &EncodingOverrides::default(), params.charset())
        };
        assert_eq!(decode(&params).as_str(), "П");
        let RejectedContent::Parameters(kept) = params.to_rejected_content(&Secrets::default());
        assert_eq!(decode(&Params::parse(kind, kept.as_bytes(), b"")).as_str(), "П", "{kept}");
    }
}

#[test]
fn m13_the_accounts_encoding_and_the_dcs_come_before_the_declared_charset() {
    let charset = DeclaredCharset::from_name("windows-1251");
    let decode = |dcs, encodings: &EncodingOverrides| {
        crate::wire::decode_message(b"\xCF", dcs, encodings, charset).charset().as_str()
    };
    let none = EncodingOverrides::default();
    let own = [(Some(0), crate::domain::Encoding::Latin1)].into_iter().collect();
    assert_eq!(decode(Some("0"), &none), "windows-1251");
    assert_eq!(decode(None, &none), "windows-1251");
    assert_eq!(decode(Some("3"), &none), "iso-8859-1");
    assert_eq!(decode(Some("4"), &none), "binary");
    assert_eq!(decode(Some("0"), &own), "iso-8859-1");
}

proptest! {
    #[test]
    fn any_body_of_any_type_is_read(content_type: Vec<u8>, encoding: Option<Vec<u8>>, body: Vec<u8>) {
        let body_type = BodyType::new(Some(&content_type), encoding.as_deref());
        prop_assert!(read(&body_type, &body).pairs.len() <= MAX_PARAMETERS);
    }

    #[test]
    fn any_quoted_boundary_is_read(boundary in "[ -~]{1,70}") {
        let quoted = boundary.replace('\\', "\\\\").replace('"', "\\\"");
        let header = format!("; boundary=\"{quoted}\"; x=y");
        prop_assert_eq!(header_parameter(header.as_bytes(), b"boundary"), Some(boundary.into_bytes()));
    }
}

#[test]
fn a_header_of_a_part_may_continue_on_the_next_line() {
    let body = b"--B\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n 1\r\n--B--";
    let parts: Vec<_> = crate::wire::multipart::parts(body, Some(b"B")).collect();
    assert_eq!((parts[0].name.as_slice(), parts[0].value), (&b"a"[..], &b" 1"[..]));
}

#[test]
fn any_number_of_delimiters_in_a_line_is_read_in_linear_time() {
    // Quadratic, this takes minutes.
    let body = b"y--x".repeat(2_000_000);
    assert_eq!(crate::wire::multipart::parts(&body, Some(b"x")).count(), 0);
}
