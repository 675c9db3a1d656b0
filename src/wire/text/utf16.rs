//! UTF-16 as the gateway sends it: big-endian, as raw bytes or as hexadecimal digits (the gateway's
//! document, section 5.6). UCS-2, its name in the SMS standards, is the part without surrogates.

use std::borrow::Cow;

use crate::domain::{Charset, MessageText};
use crate::wire::params::hex_digit;

/// All hexadecimal digits: the digits are meant, since as raw bytes they would spell rare ideographs.
/// A byte order mark decides the order and is dropped. A unit, or digit, that lacks its other half
/// becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> MessageText {
    let digits = from_hex(bytes);
    let is_hex = digits.is_some();
    let (raw, odd_digit) =
        digits.map_or((Cow::Borrowed(bytes), false), |(raw, odd)| (Cow::Owned(raw), odd));
    let (units, order) = in_byte_order(&raw);
    let charset = match (order, is_hex) {
        (ByteOrder::Big, false) => Charset::Utf16Be,
        (ByteOrder::Big, true) => Charset::Utf16BeHex,
        (ByteOrder::Little, false) => Charset::Utf16Le,
        (ByteOrder::Little, true) => Charset::Utf16LeHex,
    };
    let mut lossy = false;
    let mut text: String = char::decode_utf16(units)
        .map(|unit| {
            lossy |= unit.is_err();
            unit.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    if odd_digit || raw.len() % 2 == 1 {
        lossy = true;
        text.push(char::REPLACEMENT_CHARACTER);
    }
    MessageText::new(text, charset, lossy)
}

#[derive(Clone, Copy)]
enum ByteOrder {
    Big,
    Little,
}

/// The bytes that the digits stand for, and whether a digit was left over.
fn from_hex(digits: &[u8]) -> Option<(Vec<u8>, bool)> {
    if digits.is_empty() {
        return None;
    }
    let values: Vec<u8> = digits.iter().map(|digit| hex_digit(*digit)).collect::<Option<_>>()?;
    let (pairs, rest) = values.as_chunks::<2>();
    Some((pairs.iter().map(|[high, low]| high << 4 | low).collect(), !rest.is_empty()))
}

/// The units of these bytes, after a byte order mark, and their order.
fn in_byte_order(bytes: &[u8]) -> (impl Iterator<Item = u16>, ByteOrder) {
    let (order, text) = match bytes {
        [0xFF, 0xFE, text @ ..] => (ByteOrder::Little, text),
        [0xFE, 0xFF, text @ ..] | text => (ByteOrder::Big, text),
    };
    let (pairs, _) = text.as_chunks::<2>();
    let unit = match order {
        ByteOrder::Big => u16::from_be_bytes,
        ByteOrder::Little => u16::from_le_bytes,
    };
    (pairs.iter().copied().map(unit), order)
}
