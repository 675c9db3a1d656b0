//! Text in a charset that the request declares.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::domain::DeclaredCharset;

/// The charset with this label. `None` for UTF-8 and Latin-1, which are recognised without, for UTF-16,
/// in which no form can be, and for unknown labels.
pub(in crate::wire) fn declared_charset(label: &[u8]) -> Option<DeclaredCharset> {
    DeclaredCharset::from_name(Encoding::for_label_no_replacement(label)?.name())
}

/// The text; `None` where the bytes are ASCII, or not valid in the charset.
pub(super) fn decode(bytes: &[u8], charset: DeclaredCharset) -> Option<Cow<'_, str>> {
    if bytes.is_ascii() {
        return None;
    }
    let encoding = Encoding::for_label(charset.as_str().as_bytes())
        .expect("the names are those of the Encoding Standard");
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    // Undefined bytes of single-byte charsets.
    let is_defined = |c: char| !matches!(c, '\u{80}'..='\u{9F}');
    text.chars().all(is_defined).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_charset_is_one_of_the_standard_and_extends_ascii() {
        for charset in DeclaredCharset::all() {
            let encoding = Encoding::for_label(charset.as_str().as_bytes()).unwrap();
            assert!(encoding.name().eq_ignore_ascii_case(charset.as_str()));
            assert!(encoding.is_ascii_compatible());
            assert_eq!(declared_charset(charset.as_str().as_bytes()), Some(charset));
        }
        for label in ["utf-8", "ISO-8859-1", "us-ascii", "windows-1252", "utf-16", "hz-gb-2312", ""]
        {
            assert_eq!(declared_charset(label.as_bytes()), None, "{label}");
        }
    }
}
