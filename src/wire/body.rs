//! What kind of body a request has, by its head and, since heads are often wrong, by its first bytes.

use std::borrow::Cow;

use crate::domain::DeclaredCharset;

use super::text::declared_charset;

/// A body that is neither a form nor multipart. The names are constants: nothing of the request is
/// repeated in an answer or a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableBody {
    #[error(
        "a body of type {0} can't be read; send application/x-www-form-urlencoded or multipart/form-data"
    )]
    Type(&'static str),
    #[error("a body with Content-Encoding {0} can't be read; send it without")]
    Encoding(&'static str),
}

/// The type of a body, by the headers of its request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyType {
    pub(super) format: Format,
    /// The charset that `Content-Type` declares, where it can matter.
    pub(super) charset: Option<DeclaredCharset>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Also where the type is absent or odd.
    #[default]
    Form,
    Multipart {
        boundary: Option<Vec<u8>>,
    },
    Json,
    Unreadable(UnreadableBody),
}

/// Types that can't be forms, by the beginning of their names.
const OTHER_TYPES: [&str; 12] = [
    "application/cbor",
    "application/grpc",
    "application/msgpack",
    "application/pdf",
    "application/soap",
    "application/x-protobuf",
    "application/xml",
    "application/zip",
    "audio/",
    "image/",
    "text/xml",
    "video/",
];

/// Names of encodings in `Content-Encoding`, and what to call them.
const ENCODINGS: [(&str, &str); 8] = [
    ("gzip", "gzip"),
    ("x-gzip", "gzip"),
    ("deflate", "deflate"),
    ("br", "br"),
    ("zstd", "zstd"),
    ("compress", "compress"),
    ("x-compress", "compress"),
    ("aws-chunked", "aws-chunked"),
];

impl BodyType {
    /// Reads the values of `Content-Type` and `Content-Encoding`.
    #[must_use]
    pub fn new(content_type: Option<&[u8]>, content_encoding: Option<&[u8]>) -> Self {
        let content_type = content_type.unwrap_or_default();
        let (media_type, parameters) = match content_type.iter().position(|byte| *byte == b';') {
            Some(at) => content_type.split_at(at),
            None => (content_type, &[][..]),
        };
        let format = match content_encoding.and_then(encoding) {
            Some(encoding) => Format::Unreadable(UnreadableBody::Encoding(encoding)),
            None => format(&media_type.trim_ascii().to_ascii_lowercase(), parameters),
        };
        let charset = header_parameter(parameters, b"charset");
        Self { format, charset: charset.and_then(|label| declared_charset(&label)) }
    }

    /// The format of this body: that of the head, unless the bytes are certainly another.
    pub(super) fn format_of(
        &self,
        body: &[u8],
        is_form: impl Fn(&[u8]) -> bool,
    ) -> Cow<'_, Format> {
        let start = body.trim_ascii_start();
        let sniffed = match start {
            [] => Some(Format::Form),
            [0x1F, 0x8B, ..] => Some(Format::Unreadable(UnreadableBody::Encoding("gzip"))),
            [b'{' | b'[', ..] if self.format == Format::Form => Some(Format::Json),
            [b'-', b'-', ..] if !matches!(self.format, Format::Multipart { .. }) => {
                let mentions = |text: &[u8]| memchr::memmem::find(start, text).is_some();
                mentions(b"form-data").then_some(Format::Multipart { boundary: None })
            }
            // A form by the wrong name.
            [b'{' | b'[' | b'<' | b'"', ..] => None,
            _ if self.format != Format::Form && is_form(body) => Some(Format::Form),
            _ => None,
        };
        sniffed.map_or(Cow::Borrowed(&self.format), Cow::Owned)
    }
}

fn format(media_type: &[u8], parameters: &[u8]) -> Format {
    if media_type.starts_with(b"multipart/") {
        return Format::Multipart { boundary: header_parameter(parameters, b"boundary") };
    }
    if media_type.ends_with(b"/json") || media_type.ends_with(b"+json") {
        return Format::Json;
    }
    if media_type.ends_with(b"+xml") {
        return Format::Unreadable(UnreadableBody::Type("application/xml"));
    }
    let other = OTHER_TYPES.iter().find(|prefix| media_type.starts_with(prefix.as_bytes()));
    other.map_or(Format::Form, |prefix| {
        Format::Unreadable(UnreadableBody::Type(prefix.trim_end_matches('/')))
    })
}

/// The name of the encoding; `None` where the body is as it is.
fn encoding(value: &[u8]) -> Option<&'static str> {
    value.split(|byte| *byte == b',').find_map(|token| {
        let token = token.trim_ascii();
        if token.is_empty() || token.eq_ignore_ascii_case(b"identity") {
            return None;
        }
        let known =
            ENCODINGS.iter().find(|(encoding, _)| token.eq_ignore_ascii_case(encoding.as_bytes()));
        // Such as the charset that old clients put there.
        known.map(|(_, name)| *name)
    })
}

/// The value of a parameter of a header such as `; charset="utf-8"`, without quotes.
pub(super) fn header_parameter(mut parameters: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    while let Some(at) = memchr::memchr(b';', parameters) {
        let rest = parameters.get(at + 1..).unwrap_or_default().trim_ascii_start();
        let is_name_byte = |byte: &u8| !matches!(byte, b'=' | b';' | b' ' | b'\t');
        let length = rest.iter().take_while(|byte| is_name_byte(byte)).count();
        let (found, after) = rest.split_at(length);
        parameters = after;
        let Some(value) = after.trim_ascii_start().strip_prefix(b"=") else { continue };
        let value = value.trim_ascii_start();
        let (value, after) = if let [b'"', quoted @ ..] = value {
            unquoted(quoted)
        } else {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (value, after) = value.split_at(end);
            (value.trim_ascii_end().to_vec(), after)
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        parameters = after;
    }
    None
}

/// The content of a quoted string that begins before `quoted`, and what follows it.
fn unquoted(quoted: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut rest = quoted;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'"', _) => break,
            // A backslash before other bytes stands for itself, as in the names of files.
            (b'\\', [escaped @ (b'"' | b'\\'), after @ ..]) => {
                value.push(*escaped);
                rest = after;
            }
            _ => value.push(*byte),
        }
    }
    (value, rest)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
