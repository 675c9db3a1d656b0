//! The column `inbound_messages.charset`: a charset, with `-failed` where a part could not be read.

use crate::domain::{Charset, MessageText};

/// What stands in the column `charset` for this text.
#[must_use]
pub fn charset_label(text: &MessageText) -> &'static str {
    label(text.charset(), text.is_lossy())
}

/// Everything that can stand in the column `charset`.
pub fn charset_labels() -> impl Iterator<Item = &'static str> {
    let pairs = |charset| [false, true].map(|is_lossy| (charset, is_lossy));
    Charset::ALL
        .into_iter()
        .flat_map(pairs)
        .filter(|pair| *pair != (Charset::Binary, true))
        .map(|(charset, is_lossy)| label(charset, is_lossy))
}

fn label(charset: Charset, is_lossy: bool) -> &'static str {
    match (charset, is_lossy) {
        (Charset::Gsm7, true) => "gsm-7-failed",
        (Charset::Latin1, true) => "iso-8859-1-failed",
        (Charset::Windows1252, true) => "windows-1252-failed",
        (Charset::Utf8, true) => "utf-8-failed",
        (Charset::Utf16Be, true) => "utf-16be-failed",
        (Charset::Utf16Le, true) => "utf-16le-failed",
        (Charset::Utf16BeHex, true) => "utf-16be-hex-failed",
        (Charset::Utf16LeHex, true) => "utf-16le-hex-failed",
        (Charset::Binary, true) | (_, false) => charset.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_name_of_the_charset_with_failed_where_a_part_could_not_be_read() {
        for charset in Charset::ALL {
            let label =
                |is_lossy| charset_label(&MessageText::new(String::new(), charset, is_lossy));
            assert_eq!(label(false), charset.as_str());
            let failed = format!("{}-failed", charset.as_str());
            assert_eq!(label(true), if charset == Charset::Binary { "binary" } else { &failed });
        }
        assert_eq!(charset_labels().count(), 2 * Charset::ALL.len() - 1);
    }
}
