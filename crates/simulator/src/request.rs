//! The bytes of a request.

use form_urlencoded::byte_serialize;

use super::callback::{Callback, Method};
use super::oddity::Oddity;

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Callback {
    /// The bytes of the request. `attempt` adds a parameter of that name.
    #[must_use]
    pub fn request(&self, host: &str, keep_alive: bool, attempt: Option<u32>) -> Vec<u8> {
        bytes(self, host, keep_alive, attempt)
    }
}

fn bytes(callback: &Callback, host: &str, keep_alive: bool, attempt: Option<u32>) -> Vec<u8> {
    let attempt = attempt.map(|number| ("attempt", number.to_string().into_bytes()));
    let parameters: Vec<_> = callback.parameters.iter().chain(&attempt).collect();
    let in_query = match (callback.method, callback.oddity) {
        (Method::Get | Method::Post, _) => parameters.len(),
        (Method::PostForm, Some(Oddity::QueryAndForm)) => parameters.len() / 2,
        (Method::PostForm, _) => 0,
    };
    let (query, form) = parameters.split_at(in_query);
    let oddity = callback.oddity;
    let mut request = Vec::with_capacity(512);
    let method = if callback.method == Method::Get { "GET" } else { "POST" };
    request.extend_from_slice(format!("{method} {}", callback.path).as_bytes());
    if !query.is_empty() {
        request.extend_from_slice(if oddity == Some(Oddity::DoubledQuestionMark) {
            b"??"
        } else {
            b"?"
        });
        append(&mut request, query, oddity);
    }
    let old = oddity == Some(Oddity::OldHttp);
    request.extend_from_slice(if old { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" });
    if !old {
        let connection = if keep_alive { "" } else { "Connection: close\r\n" };
        request.extend_from_slice(format!("Host: {host}\r\n{connection}").as_bytes());
    }
    if callback.method == Method::PostForm {
        append_form(&mut request, form, oddity);
    } else if callback.method == Method::Post && oddity != Some(Oddity::NoContentLength) {
        request.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    } else {
        request.extend_from_slice(b"\r\n");
    }
    request
}

fn append_form(request: &mut Vec<u8>, form: &[&(&str, Vec<u8>)], oddity: Option<Oddity>) {
    let mut body = Vec::with_capacity(256);
    append(&mut body, form, oddity);
    if oddity == Some(Oddity::LineEnd) {
        body.extend_from_slice(b"\r\n");
    }
    let content_type = match oddity {
        Some(Oddity::NoContentType) => "",
        Some(Oddity::CharsetInContentType) => {
            "Content-Type: application/x-www-form-urlencoded; charset=ISO-8859-1\r\n"
        }
        _ => "Content-Type: application/x-www-form-urlencoded\r\n",
    };
    let headers = format!("{content_type}Content-Length: {}\r\n\r\n", body.len());
    request.extend_from_slice(headers.as_bytes());
    request.append(&mut body);
    if oddity == Some(Oddity::UncountedLineEnd) {
        request.extend_from_slice(b"\r\n");
    }
}

fn append(out: &mut Vec<u8>, parameters: &[&(&str, Vec<u8>)], oddity: Option<Oddity>) {
    for (place, (name, value)) in parameters.iter().enumerate() {
        match (place, oddity) {
            (0, _) => {}
            (1, Some(Oddity::SecondQuestionMark)) => out.push(b'?'),
            _ => out.push(b'&'),
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        match oddity {
            Some(Oddity::BareEscapes) => with_bare_escapes(out, value),
            Some(Oddity::RawBytes) => raw(out, value),
            Some(Oddity::LowerCaseEscapes) => escape(out, value, u8::is_ascii_alphanumeric),
            _ => byte_serialize(value).for_each(|part| out.extend_from_slice(part.as_bytes())),
        }
    }
}

/// Leaves `%` unescaped where no two hexadecimal digits follow.
fn with_bare_escapes(out: &mut Vec<u8>, mut value: &[u8]) {
    while let Some((byte, rest)) = value.split_first() {
        let escapes = matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        if *byte == b'%' && !escapes {
            out.push(b'%');
        } else {
            let encoded = byte_serialize(std::slice::from_ref(byte));
            encoded.for_each(|part| out.extend_from_slice(part.as_bytes()));
        }
        value = rest;
    }
}

/// Escapes only what separates parameters, and control characters, which could end the line.
fn raw(out: &mut Vec<u8>, value: &[u8]) {
    escape(out, value, |byte| !byte.is_ascii_control() && !b"&+%".contains(byte));
}

fn escape(out: &mut Vec<u8>, value: &[u8], stays: impl Fn(&u8) -> bool) {
    for byte in value {
        if stays(byte) {
            out.push(*byte);
        } else {
            let digit =
                |half: u8| *HEX.get(usize::from(half)).expect("half a byte is less than 16");
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xF)]);
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
