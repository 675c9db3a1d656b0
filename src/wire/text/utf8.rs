//! UTF-8 that is not what it should be: cut, or declared as something else.

/// Whether bytes that are not valid UTF-8 are UTF-8 nevertheless, cut or damaged in a few places:
/// more characters beyond ASCII are valid than bytes are not.
pub(super) fn is_mostly_valid(bytes: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0, 0);
    let mut position = 0;
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        let broken = chunk.invalid();
        let begins_text = position < 3 && chunk.valid().is_empty();
        position += chunk.valid().len() + broken.len();
        match broken {
            [] => {}
            // The beginnings of most emoji and of typographic quotes; in Latin-1 nobody writes these.
            [0xF0, 0x9F, ..] | [0xE2, 0x80 | 0x82] => valid += 1,
            // What a cut leaves of a character.
            [0xC2..=0xF4, ..] if position == bytes.len() => {}
            [0x80..=0xBF] if begins_text => {}
            _ => invalid += 1,
        }
    }
    valid > invalid
}

/// Whether bytes that were declared as UTF-16 are UTF-8: as UTF-16 they would be a strange mixture.
/// Short texts stay what was declared.
pub(super) fn is_instead_of_utf16(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if !text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')) {
        return false;
    }
    let beyond_ascii = text.chars().filter(|c| !c.is_ascii()).count();
    let longest = text.chars().map(char::len_utf8).max();
    let are_words = text.bytes().filter(|b| b.is_ascii_alphanumeric() || *b == b' ').count() * 10
        >= text.bytes().filter(u8::is_ascii).count() * 7;
    if bytes.len() % 2 == 1 || is_broken_utf16(bytes) {
        return beyond_ascii > 0 || are_words;
    }
    // In UTF-16 these would be private, for the most part.
    let is_long_script = longest > Some(3) || beyond_ascii > 1 && longest > Some(2);
    let is_mixed = beyond_ascii > 0 && beyond_ascii < text.chars().count() && bytes.len() > 5;
    let is_ascii = beyond_ascii == 0 && bytes.len() >= 8;
    is_long_script || beyond_ascii > 2 || (is_mixed || is_ascii) && are_words
}

fn is_broken_utf16(bytes: &[u8]) -> bool {
    let (units, _) = bytes.as_chunks::<2>();
    char::decode_utf16(units.iter().copied().map(u16::from_be_bytes)).any(|unit| unit.is_err())
}
