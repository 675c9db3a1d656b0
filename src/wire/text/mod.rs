//! Text from bytes. Decoding never fails: what can't be read becomes U+FFFD, and the charset is
//! marked as failed; the caller keeps the bytes.

mod dcs;
mod gsm7;
mod latin1;
mod utf16;

use std::borrow::Cow;

use crate::domain::{Charset, Encoding, MessageText};

pub use dcs::Dcs;

/// A decoder's answer: the text, and whether a part of the bytes could not be read.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    text: String,
    lossy: bool,
}

/// Reads the bytes of a message in the given way.
#[must_use]
pub fn decode(bytes: &[u8], encoding: Encoding) -> MessageText {
    match encoding {
        Encoding::Auto => match std::str::from_utf8(bytes) {
            Ok(text) => {
                // Plain ASCII is the same in any charset here; it counts as the gateway's default.
                let charset = if text.is_ascii() { Charset::Latin1 } else { Charset::Utf8 };
                MessageText::new(text.to_owned(), charset, false)
            }
            Err(_) => decode_latin1(bytes),
        },
        Encoding::Latin1 => decode_latin1(bytes),
        Encoding::Utf8 => {
            let text = String::from_utf8_lossy(bytes);
            let lossy = matches!(text, Cow::Owned(_));
            MessageText::new(text.into_owned(), Charset::Utf8, lossy)
        }
        Encoding::Gsm7 => {
            let Decoded { text, lossy } = gsm7::decode(bytes);
            MessageText::new(text, Charset::Gsm7, lossy)
        }
        Encoding::Utf16 => utf16::decode(bytes),
        Encoding::Binary => MessageText::new(String::new(), Charset::Binary, false),
    }
}

/// Reads a parameter that has no `dcs` of its own, such as `mess_id`: UTF-8 if it is that, else
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
