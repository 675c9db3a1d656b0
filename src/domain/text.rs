//! Text that Postgres can hold.

use std::fmt;

/// Any Unicode text without NUL (U+0000), which Postgres refuses in `text` and `jsonb`.
///
/// The constructors replace NUL with U+FFFD, the replacement character. The exact bytes of a message
/// are kept beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if text.contains('\0') { Self(text.replace('\0', "\u{FFFD}")) } else { Self(text) }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
