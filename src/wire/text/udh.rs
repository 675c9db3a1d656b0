//! A user data header (3GPP TS 23.040, section 9.2.3.24) in front of a text.

/// Information elements that say which part of a long message this is.
const CONCATENATED_8_BIT: u8 = 0x00;
const CONCATENATED_16_BIT: u8 = 0x08;

/// The text behind the header. The header is recognised only where it is certain: its elements fill it,
/// and one of them is a possible part of a long message.
pub(in crate::wire) fn without_header(bytes: &[u8]) -> &[u8] {
    let header_and_text = || {
        let (length, rest) = bytes.split_first()?;
        rest.split_at_checked(usize::from(*length))
    };
    match header_and_text() {
        Some((header, text)) if has_part(header) => text,
        _ => bytes,
    }
}

/// Whether the bytes begin like a header of a long message, valid or not.
pub(super) fn begins_like_header(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x05\0\x03") || bytes.starts_with(b"\x06\x08\x04")
}

fn has_part(mut elements: &[u8]) -> bool {
    let mut has_part = false;
    while !elements.is_empty() {
        let [element, length, rest @ ..] = elements else { return false };
        let Some((data, rest)) = rest.split_at_checked(usize::from(*length)) else { return false };
        has_part |= match (*element, data) {
            (CONCATENATED_8_BIT, [_, count, number])
            | (CONCATENATED_16_BIT, [_, _, count, number]) => *number > 0 && number <= count,
            _ => false,
        };
        elements = rest;
    }
    has_part
}
