//! What a message says, once its bytes have been read.

use std::fmt;

use super::Text;

/// The text of a message, with the charset it was read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText {
    text: Text,
    charset: Charset,
    lossy: bool,
}

/// The charset that the bytes of a message turned out to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// GSM 03.38 default alphabet with its extension table.
    Gsm7,
    /// ISO-8859-1; plain ASCII counts as this, the gateway's default.
    Latin1,
    /// Windows-1252: Latin-1 with printable characters at 0x80 to 0x9F.
    Windows1252,
    /// UTF-8.
    Utf8,
    /// UTF-16, big-endian, raw bytes.
    Utf16Be,
    /// UTF-16, little-endian, raw bytes, as a byte order mark said.
    Utf16Le,
    /// UTF-16, big-endian, written as hexadecimal digits.
    Utf16BeHex,
    /// UTF-16, little-endian, written as hexadecimal digits, as a byte order mark said.
    Utf16LeHex,
    /// Not text: the text is empty, the bytes are all there is.
    Binary,
}

impl Charset {
    const ALL: [Self; 9] = [
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

    /// Every label that a stored message can have: see [`MessageText::charset_label`].
    pub fn labels() -> impl Iterator<Item = &'static str> {
        let label =
            |charset, lossy| MessageText { text: Text::default(), charset, lossy }.charset_label();
        let mut labels: Vec<_> = Self::ALL
            .into_iter()
            .flat_map(|charset| [false, true].map(|lossy| label(charset, lossy)))
            .collect();
        labels.dedup();
        labels.into_iter()
    }
}

impl MessageText {
    /// `lossy` says that `text` has replacement characters for bytes that could not be read.
    #[must_use]
    pub fn new(text: String, charset: Charset, lossy: bool) -> Self {
        let lossy = lossy || text.contains('\0');
        Self { text: text.into(), charset, lossy }
    }

    /// The text as it was stored, with its [label](Self::charset_label); `None` for a label that
    /// does not exist.
    #[must_use]
    pub fn from_label(text: Text, label: &str) -> Option<Self> {
        let mut message =
            Self { text, charset: Charset::Binary, lossy: label.ends_with("-failed") };
        Charset::ALL
            .into_iter()
            .any(|charset| {
                message.charset = charset;
                message.charset_label() == label
            })
            .then_some(message)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The charset's name as it is stored; it ends in `-failed` where a part could not be read.
    #[must_use]
    pub fn charset_label(&self) -> &'static str {
        match (self.charset, self.lossy) {
            (Charset::Gsm7, false) => "gsm-7",
            (Charset::Gsm7, true) => "gsm-7-failed",
            (Charset::Latin1, false) => "iso-8859-1",
            (Charset::Latin1, true) => "iso-8859-1-failed",
            (Charset::Windows1252, false) => "windows-1252",
            (Charset::Windows1252, true) => "windows-1252-failed",
            (Charset::Utf8, false) => "utf-8",
            (Charset::Utf8, true) => "utf-8-failed",
            (Charset::Utf16Be, false) => "utf-16be",
            (Charset::Utf16Be, true) => "utf-16be-failed",
            (Charset::Utf16Le, false) => "utf-16le",
            (Charset::Utf16Le, true) => "utf-16le-failed",
            (Charset::Utf16BeHex, false) => "utf-16be-hex",
            (Charset::Utf16BeHex, true) => "utf-16be-hex-failed",
            (Charset::Utf16LeHex, false) => "utf-16le-hex",
            (Charset::Utf16LeHex, true) => "utf-16le-hex-failed",
            (Charset::Binary, _) => "binary",
        }
    }
}

impl fmt::Display for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
