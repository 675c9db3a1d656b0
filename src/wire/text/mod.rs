//! Text from bytes. Decoding never fails: bytes that can't be read become U+FFFD, and the text is
//! marked as lossy.

mod dcs;
mod declared;
mod gsm7;
mod latin1;
mod udh;
mod utf16;
mod utf8;

use std::borrow::Cow;

use crate::domain::{Charset, DeclaredCharset, Encoding, MessageText};

pub use dcs::Dcs;
pub(super) use declared::declared_charset;
#[cfg(any(test, fuzzing))]
pub(super) use udh::without_header;

/// Decodes the bytes of a message. A user data header in front of the text is skipped.
#[must_use]
pub fn decode(bytes: &[u8], encoding: Encoding) -> MessageText {
    let bytes = udh::without_header(bytes);
    match encoding {
        Encoding::Auto => decode_auto(bytes),
        Encoding::Latin1 => decode_latin1(bytes),
        Encoding::Utf8 => decode_utf8(bytes),
        Encoding::Gsm7 => gsm7::decode(bytes),
        Encoding::Utf16 => utf16::decode(bytes),
        Encoding::Binary => MessageText::new(String::new(), Charset::Binary, false),
    }
}

/// Decodes the bytes of a message in the charset that the request declares, where they are valid in it.
#[must_use]
pub(super) fn decode_declared(bytes: &[u8], charset: DeclaredCharset) -> MessageText {
    match declared::decode(udh::without_header(bytes), charset) {
        Some(text) => marked(text.into_owned(), Charset::Declared(charset), false),
        None => decode(bytes, Encoding::Auto),
    }
}

/// Decodes a parameter that `dcs` does not apply to, such as `mess_id`: in the declared charset or in
/// UTF-8 where it is valid, else in Latin-1.
#[must_use]
pub fn decode_parameter(bytes: &[u8], declared: Option<DeclaredCharset>) -> Cow<'_, str> {
    if let Some(text) = declared.and_then(|charset| declared::decode(bytes, charset)) {
        return text;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if utf8::is_mostly_valid(bytes) => String::from_utf8_lossy(bytes),
        Err(_) => Cow::Owned(latin1::decode(bytes)),
    }
}

fn decode_auto(bytes: &[u8]) -> MessageText {
    if bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xFF\xFE") {
        return utf16::decode(bytes);
    }
    if gsm7::is_certain(bytes) && !udh::begins_like_header(bytes) {
        return gsm7::decode(bytes);
    }
    let unmarked = without_byte_order_mark(bytes);
    match std::str::from_utf8(unmarked) {
        // Plain ASCII is the same in each of these charsets; it counts as the default.
        Ok(text) if text.is_ascii() => marked(text.to_owned(), Charset::Latin1, false),
        Ok(text) => marked(text.to_owned(), Charset::Utf8, false),
        Err(_) if utf8::is_mostly_valid(bytes) => {
            marked(String::from_utf8_lossy(unmarked).into_owned(), Charset::Utf8, true)
        }
        Err(_) => marked(latin1::decode(bytes), latin1_charset(bytes), false),
    }
}

fn decode_utf8(bytes: &[u8]) -> MessageText {
    let text = String::from_utf8_lossy(without_byte_order_mark(bytes));
    let is_lossy = matches!(text, Cow::Owned(_));
    MessageText::new(text.into_owned(), Charset::Utf8, is_lossy)
}

fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn decode_latin1(bytes: &[u8]) -> MessageText {
    MessageText::new(latin1::decode(bytes), latin1_charset(bytes), false)
}

fn latin1_charset(bytes: &[u8]) -> Charset {
    if latin1::needs_windows_1252(bytes) { Charset::Windows1252 } else { Charset::Latin1 }
}

/// A text by a guess. A control character in it shows that the guess is wrong there.
fn marked(text: String, charset: Charset, is_lossy: bool) -> MessageText {
    let is_lossy = is_lossy || has_control_character(text.as_bytes());
    MessageText::new(text, charset, is_lossy)
}

/// Whether there is an ASCII control character other than a tabulator or a line end. Reads all bytes,
/// without a branch for each.
fn has_control_character(bytes: &[u8]) -> bool {
    let is_control =
        |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0x7F;
    bytes.iter().fold(false, |found, byte| found | is_control(*byte))
}

#[cfg(test)]
mod tests;
