//! What holds for any parameters and any text.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what does not hold is to panic"
)]

use std::net::IpAddr;

use crate::domain::{
    AccountName, CallbackKind, Encoding, EncodingOverrides, EventKeySource, MessageText, Reception,
    Transport,
};

use super::params::{MAX_PARAMETERS, Params, percent_decode};
use super::{delivery_report, inbound_message, text};

/// The first line is the query, the rest the form.
pub fn parameters(bytes: &[u8]) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (query, form) = (&bytes[..line], bytes.get(line + 1..).unwrap_or_default());
    for documented in [&delivery_report::PARAMETERS[..], &inbound_message::PARAMETERS[..]] {
        let params = Params::parse(query, form, documented);
        are_bounded(&params, bytes.len());
        are_read_as_written(&params, query, form);
        come_back_when_written(&params);
        are_kept_without_credentials(&params, documented);
        become_facts_that_say_what_they_say(&params);
    }
}

fn are_bounded(params: &Params<'_>, arrived: usize) {
    assert!(params.pairs.len() <= MAX_PARAMETERS);
    let bytes: usize = params.pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(bytes <= arrived, "decoding makes nothing longer");
}

/// Where no `?` separates anything and there are not too many, the plainest of readers agrees.
fn are_read_as_written(params: &Params<'_>, query: &[u8], form: &[u8]) {
    let end = form.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    if query.contains(&b'?') || params.pairs.len() >= MAX_PARAMETERS {
        return;
    }
    let pieces = query.split(|byte| *byte == b'&').chain(form[..end].split(|byte| *byte == b'&'));
    let expected = pieces.filter(|piece| !piece.is_empty()).map(|piece| {
        let mut parts = piece.splitn(2, |byte| *byte == b'=');
        let mut next = || plainly_decoded(parts.next().unwrap_or_default());
        (next(), next())
    });
    let found = params.pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec()));
    assert!(found.eq(expected));
}

fn plainly_decoded(bytes: &[u8]) -> Vec<u8> {
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

fn come_back_when_written(params: &Params<'_>) {
    let mut written = String::new();
    for (name, value) in &params.pairs {
        written.extend(form_urlencoded::byte_serialize(name));
        written.push('=');
        written.extend(form_urlencoded::byte_serialize(value));
        written.push('&');
    }
    if params.pairs.len() < MAX_PARAMETERS {
        assert_eq!(Params::parse(b"", written.as_bytes(), &[]).pairs, params.pairs);
    }
}

fn are_kept_without_credentials(params: &Params<'_>, documented: &[&str]) {
    let is_secret =
        |name: &[u8]| name.eq_ignore_ascii_case(b"user") || name.eq_ignore_ascii_case(b"pass");
    let extra = params.extra(documented);
    for (name, value) in extra.parameters() {
        assert!(!is_secret(name.as_bytes()), "{name}");
        assert!(!name.contains('\0') && !value.contains('\0'), "jsonb takes no NUL");
    }
    let kind = CallbackKind::DeliveryReport;
    let kept = params.to_rejected_request(Transport::HttpGet, kind);
    let again = Params::parse(b"", kept.parameters().as_bytes(), &[]);
    let mut all = params.pairs.iter().filter(|(name, _)| !is_secret(name));
    for pair in again.pairs.iter().take(MAX_PARAMETERS - 1) {
        assert!(!is_secret(&pair.0));
        assert!(all.any(|other| other == pair), "what is kept arrived, and in this order");
    }
}

fn become_facts_that_say_what_they_say(params: &Params<'_>) {
    let reception = reception();
    if let Ok(report) = delivery_report::parse(params, reception.clone()) {
        let said = text::decode_parameter(params.first("mess_id").expect("a report has it"));
        assert_eq!(report.mess_id.as_str(), said.replace('\0', "\u{FFFD}"));
        assert!(!report.status.as_str().contains('\0'));
    }
    let message = inbound_message::parse(params, &EncodingOverrides::default(), reception);
    if let Ok(message) = message {
        assert_eq!(message.message_raw, params.first("message").unwrap_or_default());
    }
}

fn reception() -> Reception {
    Reception {
        key: EventKeySource::system().next(),
        account: "main".parse::<AccountName>().expect("it is a name"),
        transport: Transport::HttpGet,
        remote_addr: IpAddr::from([127, 0, 0, 1]),
    }
}

/// The bytes, in every encoding.
pub fn text(bytes: &[u8]) {
    for (_, encoding) in Encoding::NAMES {
        let message = text::decode(bytes, encoding);
        let said = message.as_str();
        assert!(!said.contains('\0'), "Postgres takes no NUL");
        assert!(said.chars().count() <= bytes.len() + 1, "a byte is a character at most");
        let label = message.charset_label();
        assert_eq!(MessageText::from_label(said.into(), label), Some(message.clone()));
        assert_eq!(Some(said.to_owned()), as_others_read_it(bytes, encoding, label), "{label}");
    }
    let parameter = text::decode_parameter(bytes);
    assert_eq!(std::str::from_utf8(bytes).is_ok(), parameter.as_bytes() == bytes);
    let decoded = percent_decode(bytes);
    assert!(decoded.len() <= bytes.len());
}

/// What the standard library makes of it, or what the charset's definition says.
fn as_others_read_it(bytes: &[u8], encoding: Encoding, label: &str) -> Option<String> {
    let without_nul = |text: String| text.replace('\0', "\u{FFFD}");
    let latin = || -> String { bytes.iter().map(|byte| char::from(*byte)).collect() };
    Some(without_nul(match (encoding, label) {
        (Encoding::Binary, "binary") => String::new(),
        (Encoding::Auto | Encoding::Utf8, "utf-8" | "utf-8-failed") => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        (Encoding::Auto | Encoding::Latin1, "iso-8859-1" | "iso-8859-1-failed") => latin(),
        (Encoding::Utf16, "utf-16be" | "utf-16be-failed") => {
            let text = bytes.strip_prefix(b"\xFE\xFF").unwrap_or(bytes);
            let (pairs, rest) = text.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            let odd = if rest.is_empty() { "" } else { "\u{FFFD}" };
            String::from_utf16_lossy(&units) + odd
        }
        // Tables, which unit tests hold against the standards.
        (Encoding::Gsm7, "gsm-7" | "gsm-7-failed")
        | (Encoding::Auto | Encoding::Latin1, "windows-1252" | "windows-1252-failed")
        | (Encoding::Utf16, _) => text::decode(bytes, encoding).as_str().to_owned(),
        _ => return None,
    }))
}
