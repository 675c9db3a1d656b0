//! ISO-8859-1, and Windows-1252 where bytes 0x80 to 0x9F occur: senders declare the first and use the
//! second (WHATWG Encoding Standard).

/// Windows-1252, 0x80 to 0x9F. The five undefined positions are C1 controls.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

pub(super) fn decode(bytes: &[u8]) -> String {
    // Two bytes in UTF-8 for most characters that are not ASCII.
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 4);
    text.extend(bytes.iter().map(|byte| character(*byte)));
    text
}

/// Whether a byte differs between Windows-1252 and ISO-8859-1.
pub(super) fn needs_windows_1252(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| (0x80..=0x9F).contains(byte))
}

fn character(byte: u8) -> char {
    let high = byte.checked_sub(0x80).and_then(|place| WINDOWS_1252.get(usize::from(place)));
    high.copied().unwrap_or(char::from(byte))
}
