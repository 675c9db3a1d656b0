//! UTF-16 as the gateway sends it: big-endian, as raw bytes or as hexadecimal digits (the gateway's
//! document, section 5.6). UCS-2 of the SMS standards is UTF-16 without surrogates.

use std::borrow::Cow;

use crate::domain::{Charset, MessageText};
use crate::wire::hex::hex_digit;

use super::{decode_auto, udh, utf8};

/// Bytes that are all hexadecimal digits are read as digits: as raw bytes they would be rare ideographs.
/// Bytes that can only be UTF-8 are read as UTF-8. A byte order mark is removed. Half of a surrogate pair, of a unit or of a byte becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> MessageText {
    let digits = from_hex(bytes);
    let is_hex = digits.is_some();
    let (raw, odd_digit) =
        digits.map_or((Cow::Borrowed(bytes), false), |(raw, odd)| (Cow::Owned(raw), odd));
    if !is_hex && utf8::is_instead_of_utf16(bytes) {
        return decode_auto(bytes);
    }
    // The caller skips a header that is not in hexadecimal digits.
    let text = if is_hex { udh::without_header(&raw) } else { &raw };
    let (units, order) = in_byte_order(text);
    let charset = match (order, is_hex) {
        (ByteOrder::Big, false) => Charset::Utf16Be,
        (ByteOrder::Big, true) => Charset::Utf16BeHex,
        (ByteOrder::Little, false) => Charset::Utf16Le,
        (ByteOrder::Little, true) => Charset::Utf16LeHex,
    };
    let mut is_lossy = false;
    let mut decoded: String = char::decode_utf16(units)
        .map(|unit| {
            is_lossy |= unit.is_err();
            unit.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    if odd_digit || text.len() % 2 == 1 {
        is_lossy = true;
        decoded.push(char::REPLACEMENT_CHARACTER);
    }
    MessageText::new(decoded, charset, is_lossy)
}

#[derive(Clone, Copy)]
enum ByteOrder {
    Big,
    Little,
}

/// The bytes, and whether the number of digits is odd; `None` where not all are hexadecimal digits.
fn from_hex(digits: &[u8]) -> Option<(Vec<u8>, bool)> {
    if digits.is_empty() {
        return None;
    }
    let values: Vec<u8> = digits.iter().map(|digit| hex_digit(*digit)).collect::<Option<_>>()?;
    let (pairs, rest) = values.as_chunks::<2>();
    Some((pairs.iter().map(|[high, low]| high << 4 | low).collect(), !rest.is_empty()))
}

/// The units after the byte order mark, and their order.
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
