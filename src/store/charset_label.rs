//! The column `inbound_messages.charset`: a charset, with `-failed` where a part could not be read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::{Charset, DeclaredCharset, MessageText};

/// The labels of texts of which a part could not be read.
static FAILED: LazyLock<BTreeMap<Charset, String>> = LazyLock::new(|| {
    charsets()
        .filter(|charset| *charset != Charset::Binary)
        .map(|charset| (charset, format!("{}{SUFFIX}", charset.as_str())))
        .collect()
});

const SUFFIX: &str = "-failed";

/// What stands in the column `charset` for this text.
#[must_use]
pub fn charset_label(text: &MessageText) -> &'static str {
    let charset = text.charset();
    let failed = text.is_lossy().then(|| FAILED.get(&charset)).flatten();
    failed.map_or(charset.as_str(), String::as_str)
}

/// Everything that can stand in the column `charset`.
pub fn charset_labels() -> impl Iterator<Item = &'static str> {
    charsets().flat_map(|charset| {
        [Some(charset.as_str()), FAILED.get(&charset).map(String::as_str)].into_iter().flatten()
    })
}

/// The charset in a label; `None` where this program writes no such label.
#[must_use]
pub fn charset_of_label(label: &str) -> Option<Charset> {
    Charset::from_name(label.strip_suffix(SUFFIX).unwrap_or(label))
}

fn charsets() -> impl Iterator<Item = Charset> {
    Charset::ALL.into_iter().chain(DeclaredCharset::all().map(Charset::Declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_name_of_the_charset_with_failed_where_a_part_could_not_be_read() {
        for charset in charsets() {
            let label =
                |is_lossy| charset_label(&MessageText::new(String::new(), charset, is_lossy));
            assert_eq!(label(false), charset.as_str());
            let failed = format!("{}-failed", charset.as_str());
            assert_eq!(label(true), if charset == Charset::Binary { "binary" } else { &failed });
            assert_eq!(charset_of_label(label(false)), Some(charset));
            assert_eq!(charset_of_label(label(true)), Some(charset));
        }
        assert_eq!(charset_labels().count(), 2 * charsets().count() - 1);
        assert_eq!(charset_of_label("other"), None);
    }
}
