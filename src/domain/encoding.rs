//! How to read the bytes of a message.

use std::fmt;
use std::str::FromStr;

/// A way to read message bytes, chosen by `dcs` or by the account's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8 where the bytes are valid UTF-8, else ISO-8859-1: the gateway's default (its document,
    /// section 4.1), and what its senders really use.
    Auto,
    /// GSM 03.38 with its extension table, one septet a byte.
    Gsm7,
    /// ISO-8859-1; where bytes 0x80 to 0x9F occur, Windows-1252.
    Latin1,
    Utf8,
    /// UTF-16, big-endian unless a byte order mark says otherwise; raw, or as hexadecimal digits
    /// (section 5.6).
    Utf16,
    /// Not text.
    Binary,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an encoding; use one of: auto, gsm-7, iso-8859-1, utf-8, utf-16, binary")]
pub struct UnknownEncoding;

impl Encoding {
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Gsm7, Self::Latin1, Self::Utf8, Self::Utf16, Self::Binary];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gsm7 => "gsm-7",
            Self::Latin1 => "iso-8859-1",
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Binary => "binary",
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|encoding| encoding.as_str() == name).ok_or(UnknownEncoding)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
