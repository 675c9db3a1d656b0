//! Text from bytes. Decoding never fails: bytes that can't be read become U+FFFD, and the text is
//! marked as lossy.

mod dcs;
mod gsm7;
mod latin1;
mod utf16;

use std::borrow::Cow;

use crate::domain::{Charset, Encoding, MessageText};

pub use dcs::Dcs;

/// Decodes the bytes of a message.
#[must_use]
pub fn decode(bytes: &[u8], encoding: Encoding) -> MessageText {
    match encoding {
        Encoding::Auto => match std::str::from_utf8(bytes) {
            Ok(text) => {
                // Plain ASCII is the same in each of these charsets; it counts as the default.
                let charset = if text.is_ascii() { Charset::Latin1 } else { Charset::Utf8 };
                MessageText::new(text.to_owned(), charset, false)
            }
            Err(_) => decode_latin1(bytes),
        },
        Encoding::Latin1 => decode_latin1(bytes),
        Encoding::Utf8 => {
            let text = String::from_utf8_lossy(bytes);
            let is_lossy = matches!(text, Cow::Owned(_));
            MessageText::new(text.into_owned(), Charset::Utf8, is_lossy)
        }
        Encoding::Gsm7 => gsm7::decode(bytes),
        Encoding::Utf16 => utf16::decode(bytes),
        Encoding::Binary => MessageText::new(String::new(), Charset::Binary, false),
    }
}

/// Decodes a parameter that `dcs` does not apply to, such as `mess_id`: UTF-8 where it is valid, else
/// Latin-1.
#[must_use]
pub fn decode_parameter(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(latin1::decode(bytes)),
    }
}

fn decode_latin1(bytes: &[u8]) -> MessageText {
    let charset =
        if latin1::needs_windows_1252(bytes) { Charset::Windows1252 } else { Charset::Latin1 };
    MessageText::new(latin1::decode(bytes), charset, false)
}

#[cfg(test)]
mod tests;
