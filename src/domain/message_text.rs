//! The text of a message, once its bytes have been read.

use std::fmt;

use super::{DeclaredCharset, Text};

/// The text of a message, the charset it was read in, and whether every byte could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText {
    text: Text,
    charset: Charset,
    is_lossy: bool,
}

/// The charset that the bytes of a message turned out to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Charset {
    /// GSM 03.38 default alphabet with its extension table.
    Gsm7,
    /// ISO-8859-1; plain ASCII counts as this, the gateway's default.
    Latin1,
    /// Latin-1 with printable characters at 0x80 to 0x9F.
    Windows1252,
    Utf8,
    /// UTF-16, big-endian, raw bytes.
    Utf16Be,
    /// UTF-16, little-endian by its byte order mark, raw bytes.
    Utf16Le,
    /// UTF-16, big-endian, as hexadecimal digits.
    Utf16BeHex,
    /// UTF-16, little-endian by its byte order mark, as hexadecimal digits.
    Utf16LeHex,
    /// Not text: the text is empty.
    Binary,
    /// The request declared it, and the bytes are valid in it.
    Declared(DeclaredCharset),
}

impl Charset {
    /// All but those that a request has to declare.
    pub const ALL: [Self; 9] = [
        Self::Gsm7,
        Self::Latin1,
        Self::Windows1252,
        Self::Utf8,
        Self::Utf16Be,
        Self::Utf16Le,
        Self::Utf16BeHex,
        Self::Utf16LeHex,
        Self::Binary,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm-7",
            Self::Latin1 => "iso-8859-1",
            Self::Windows1252 => "windows-1252",
            Self::Utf8 => "utf-8",
            Self::Utf16Be => "utf-16be",
            Self::Utf16Le => "utf-16le",
            Self::Utf16BeHex => "utf-16be-hex",
            Self::Utf16LeHex => "utf-16le-hex",
            Self::Binary => "binary",
            Self::Declared(charset) => charset.as_str(),
        }
    }

    /// The charset with this [name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let declared = DeclaredCharset::all().map(Self::Declared);
        Self::ALL.into_iter().chain(declared).find(|charset| charset.as_str() == name)
    }
}

impl MessageText {
    /// `is_lossy` says that a part of the bytes could not be read. A NUL in `text` is replaced and makes
    /// the text lossy; binary content is never lossy.
    #[must_use]
    pub fn new(text: String, charset: Charset, is_lossy: bool) -> Self {
        let is_lossy = (is_lossy || text.contains('\0')) && charset != Charset::Binary;
        Self { text: text.into(), charset, is_lossy }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    #[must_use]
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether a part of the bytes could not be read.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.is_lossy
    }
}

impl fmt::Display for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
