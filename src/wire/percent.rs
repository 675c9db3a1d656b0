//! Percent-decoding.

use std::borrow::Cow;

use super::hex::hex_digit;

/// `%XX` becomes a byte and `+` a blank. A `%` without two hexadecimal digits after it stays.
#[must_use]
pub fn percent_decode(input: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', input).is_none() {
        return Cow::Borrowed(input);
    }
    Cow::Owned(decode(input, b' '))
}

/// [`percent_decode`], but `+` stays. Borrowed where nothing is decoded.
pub(super) fn percent_decode_only(input: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', input).is_none() {
        return Cow::Borrowed(input);
    }
    let decoded = decode(input, b'+');
    if decoded.len() == input.len() { Cow::Borrowed(input) } else { Cow::Owned(decoded) }
}

fn decode(input: &[u8], plus: u8) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        decoded.push(match (first, tail) {
            (b'+', _) => plus,
            (b'%', &[high, low, ref after @ ..]) => match (hex_digit(high), hex_digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => byte,
        });
    }
    decoded
}
