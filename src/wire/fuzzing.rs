//! What must hold for any parameters and any text.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a violated property panics"
)]

use std::net::IpAddr;

use crate::accounts::{EncodingOverrides, Secrets};
use crate::domain::{
    AccountName, CallbackKind, Charset, DeclaredCharset, Encoding, Event, EventKeySource,
    MessageText, Reception, RejectedContent, Source, Transport,
};

use super::body::BodyType;
use super::callback::parse;
use super::multipart;
use super::params::{Input, MAX_PARAMETERS, Params};
use super::percent::percent_decode;
use super::text;

/// Checks parameters: the first line is the query, the rest the form.
pub fn parameters(bytes: &[u8]) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (query, form) = (&bytes[..line], bytes.get(line + 1..).unwrap_or_default());
    for kind in CallbackKind::ALL {
        let params = Params::parse(kind, query, form);
        are_bounded(&params, bytes.len());
        are_read_as_written(&params, query, form);
        come_back_when_written(kind, &params);
        are_kept_without_credentials(kind, &params);
        become_events_with_the_same_values(kind, &params);
        come_back_from_parts(kind, &params);
        for content_type in CONTENT_TYPES {
            let body_type = BodyType::new(Some(content_type), None);
            let input = Input { path: b"", query, body_type: &body_type, body: form };
            let params = Params::read(kind, input);
            assert!(params.pairs.len() <= MAX_PARAMETERS);
            are_kept_without_credentials(kind, &params);
            become_events_with_the_same_values(kind, &params);
        }
    }
    // The bytes as a header.
    let _ = BodyType::new(Some(query), Some(form));
}

/// A body may be read in each of these ways.
const CONTENT_TYPES: [&[u8]; 4] = [
    b"application/x-www-form-urlencoded; charset=windows-1251",
    b"multipart/form-data; boundary=-",
    b"multipart/form-data",
    b"application/json",
];

/// Written as multipart with a boundary that no value has, the parameters are the same.
fn come_back_from_parts(kind: CallbackKind, params: &Params<'_>) {
    let values = || params.pairs.iter().flat_map(|(name, value)| [name, value]);
    let boundary = (0..u32::MAX).map(|number| format!("--b{number}")).find(|boundary| {
        values().all(|value| !value.windows(boundary.len()).any(|part| part == boundary.as_bytes()))
    });
    let boundary = boundary.expect("values are finite");
    let mut body = Vec::new();
    for (name, value) in &params.pairs {
        let name: String = form_urlencoded::byte_serialize(name).collect();
        let name = name.replace('+', "%20");
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    let parts: Vec<_> = multipart::parts(&body, Some(boundary.as_bytes())).collect();
    let read = parts.iter().map(|part| (part.name.as_slice(), part.value));
    let written = params.pairs.iter().map(|(name, value)| (&**name, &**value));
    assert!(read.eq(written), "{kind:?} {:?}", params.pairs);
}

fn are_bounded(params: &Params<'_>, arrived: usize) {
    assert!(params.pairs.len() <= MAX_PARAMETERS);
    let bytes: usize = params.pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(bytes <= arrived, "decoding does not make the input longer");
}

/// Where no `?` can separate and the bound is not reached, a naive parser agrees.
fn are_read_as_written(params: &Params<'_>, query: &[u8], form: &[u8]) {
    let end = form.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    if query.contains(&b'?') || params.pairs.len() >= MAX_PARAMETERS {
        return;
    }
    let pieces = query.split(|byte| *byte == b'&').chain(form[..end].split(|byte| *byte == b'&'));
    let expected = pieces.filter(|piece| !piece.is_empty()).map(|piece| {
        let mut parts = piece.splitn(2, |byte| *byte == b'=');
        let mut next = || naively_decoded(parts.next().unwrap_or_default());
        (next(), next())
    });
    let found = params.pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec()));
    assert!(found.eq(expected));
}

fn naively_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut place = 0;
    while place < bytes.len() {
        let escaped = bytes
            .get(place + 1..place + 3)
            .filter(|digits| bytes[place] == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(if bytes[place] == b'+' { b' ' } else { bytes[place] }));
        place += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

fn come_back_when_written(kind: CallbackKind, params: &Params<'_>) {
    let mut written = String::new();
    for (name, value) in &params.pairs {
        written.extend(form_urlencoded::byte_serialize(name));
        written.push('=');
        written.extend(form_urlencoded::byte_serialize(value));
        written.push('&');
    }
    if params.pairs.len() < MAX_PARAMETERS {
        assert_eq!(Params::parse(kind, b"", written.as_bytes()).pairs, params.pairs);
    }
}

fn are_kept_without_credentials(kind: CallbackKind, params: &Params<'_>) {
    let is_secret =
        |name: &[u8]| name.eq_ignore_ascii_case(b"user") || name.eq_ignore_ascii_case(b"pass");
    let extra = params.extra(&Secrets::default(), []);
    for (name, value) in extra.parameters() {
        assert!(!is_secret(name.as_bytes()), "{name}");
        assert!(!name.contains('\0') && !value.contains('\0'), "jsonb refuses NUL");
    }
    let RejectedContent::Parameters(kept) = params.to_rejected_content(&Secrets::default());
    let again = Params::parse(kind, b"", kept.as_bytes());
    let mut all = params.pairs.iter().filter(|(name, _)| !is_secret(name));
    let declared = b"_charset_";
    let again = again.pairs.iter().take(MAX_PARAMETERS - 1);
    for pair in again.filter(|(name, _)| &**name != declared) {
        assert!(!is_secret(&pair.0));
        assert!(all.any(|other| other == pair), "what is kept arrived, in this order");
    }
}

fn become_events_with_the_same_values(kind: CallbackKind, params: &Params<'_>) {
    match parse(kind, params, &EncodingOverrides::default(), &Secrets::default(), reception()) {
        Ok(Event::DeliveryReport(report)) => {
            let mess_id = text::decode_parameter(
                params.first("mess_id").expect("a report has it"),
                params.charset(),
            );
            assert_eq!(report.mess_id.as_str(), mess_id.replace('\0', "\u{FFFD}"));
            assert!(!report.status.as_str().contains('\0'));
        }
        Ok(Event::InboundMessage(message)) => {
            assert_eq!(message.message_raw, params.first("message").unwrap_or_default());
        }
        Ok(Event::RejectedCallback(_)) => panic!("a callback is unusable or an event of its kind"),
        Err(_) => {}
    }
}

fn reception() -> Reception {
    Reception {
        key: EventKeySource::system().next(),
        account: "main".parse::<AccountName>().expect("a valid account name"),
        source: Source { transport: Transport::HttpGet, remote_addr: IpAddr::from([127, 0, 0, 1]) },
    }
}

/// Checks the text of the bytes in every encoding.
pub fn text(bytes: &[u8]) {
    for encoding in Encoding::ALL {
        let message = text::decode(bytes, encoding);
        let (read, charset) = (message.as_str(), message.charset());
        assert!(!read.contains('\0'), "Postgres refuses NUL");
        assert!(read.chars().count() <= bytes.len() + 1, "a byte is at most one character");
        let stored = MessageText::new(read.to_owned(), charset, message.is_lossy());
        assert_eq!(stored, message);
        match as_others_read_it(text::without_header(bytes), encoding, charset) {
            OtherReading::Text(expected) => assert_eq!(read, expected, "{charset:?}"),
            OtherReading::Unknown => {}
            OtherReading::Impossible => panic!("{encoding:?} gave {charset:?}"),
        }
    }
    for charset in DeclaredCharset::all() {
        let message = text::decode_declared(bytes, charset);
        assert!(!message.as_str().contains('\0'), "Postgres refuses NUL");
    }
    let parameter = text::decode_parameter(bytes, None);
    assert_eq!(std::str::from_utf8(bytes).is_ok(), parameter.as_bytes() == bytes);
    let decoded = percent_decode(bytes);
    assert!(decoded.len() <= bytes.len());
}

/// What a message should read as.
enum OtherReading {
    Text(String),
    /// A charset of our own tables, which unit tests compare with the standards.
    Unknown,
    /// The encoding can't give this charset.
    Impossible,
}

/// Reads a message without its header by the standard library, or by the definition of the charset.
fn as_others_read_it(bytes: &[u8], encoding: Encoding, charset: Charset) -> OtherReading {
    let without_nul = |text: String| text.replace('\0', "\u{FFFD}");
    let latin = || -> String { bytes.iter().map(|byte| char::from(*byte)).collect() };
    let utf8 = || {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        String::from_utf8_lossy(text).into_owned()
    };
    OtherReading::Text(without_nul(match (encoding, charset) {
        (Encoding::Binary, Charset::Binary) => String::new(),
        (Encoding::Auto | Encoding::Utf8 | Encoding::Utf16, Charset::Utf8) => utf8(),
        (Encoding::Auto | Encoding::Utf16, Charset::Latin1) if bytes.is_ascii() => latin(),
        (Encoding::Auto | Encoding::Utf16, Charset::Latin1) if utf8().is_ascii() => utf8(),
        (Encoding::Auto | Encoding::Latin1, Charset::Latin1) => latin(),
        (Encoding::Auto | Encoding::Utf16, Charset::Utf16Be) => {
            let text = bytes.strip_prefix(b"\xFE\xFF").unwrap_or(bytes);
            let (pairs, rest) = text.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            let odd = if rest.is_empty() { "" } else { "\u{FFFD}" };
            String::from_utf16_lossy(&units) + odd
        }
        (Encoding::Auto | Encoding::Gsm7, Charset::Gsm7)
        | (Encoding::Auto | Encoding::Latin1, Charset::Windows1252)
        | (Encoding::Auto, Charset::Utf16Le)
        | (Encoding::Utf16, Charset::Utf16Le | Charset::Utf16BeHex | Charset::Utf16LeHex) => {
            return OtherReading::Unknown;
        }
        _ => return OtherReading::Impossible,
    }))
}
