//! GSM 03.38 (3GPP TS 23.038, section 6.2.1), one septet a byte.

use crate::domain::{Charset, MessageText};

use super::has_control_character;

/// The escape to the extension table.
const ESCAPE: u8 = 0x1B;

/// The default alphabet, 0x00 to 0x7F. The entry of the escape is not used.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', ' ', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à', //
];

/// The extension table: the septet after the escape, and the character.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// An escape before a septet that the extension table lacks is ignored, as the standard asks, but marked:
/// a national table, which only a header can name, was meant. An escape at the end, a doubled escape, and
/// a byte above 0x7F can't be read.
pub(super) fn decode(bytes: &[u8]) -> MessageText {
    let mut text = String::with_capacity(bytes.len());
    let mut is_lossy = false;
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        let character = if byte == ESCAPE {
            let next = rest.next().copied();
            let extended = next.and_then(extension);
            is_lossy |= extended.is_none();
            extended.or_else(|| next.and_then(default))
        } else {
            default(byte)
        };
        is_lossy |= character.is_none();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    MessageText::new(text, Charset::Gsm7, is_lossy)
}

/// Whether control characters show that bytes of an unknown charset are septets: all can be read, and
/// at least one is a control character elsewhere and a letter or an escape here. NUL alone shows
/// nothing; it is as frequent in UTF-16 and binary data.
pub(super) fn is_certain(bytes: &[u8]) -> bool {
    // All that can show it are control characters.
    if !has_control_character(bytes) {
        return false;
    }
    let is_shown = |byte: &u8| matches!(byte, 0x01..=0x08 | 0x0B | 0x0C | 0x0E..=0x1F | 0x7F);
    let shown = bytes.iter().filter(|byte| is_shown(byte)).count();
    let printable = bytes.iter().filter(|byte| matches!(byte, b' '..=b'~')).count();
    shown > 0 && shown <= 2 * printable && !decode(bytes).is_lossy()
}

fn default(septet: u8) -> Option<char> {
    DEFAULT.get(usize::from(septet)).copied().filter(|_| septet != ESCAPE)
}

fn extension(septet: u8) -> Option<char> {
    EXTENSION.iter().find_map(|(key, character)| (*key == septet).then_some(*character))
}

/// The septets of a text; `None` where the alphabet lacks a character.
#[cfg(test)]
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for character in text.chars() {
        let place = |c| (0..128).find(|septet| default(*septet) == Some(c));
        match EXTENSION.iter().find(|(_, extended)| *extended == character) {
            Some((septet, _)) => bytes.extend([ESCAPE, *septet]),
            None => bytes.push(place(character)?),
        }
    }
    Some(bytes)
}
