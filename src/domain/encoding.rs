//! How the bytes of a message are to be read, before anybody has read them.

use std::fmt;
use std::str::FromStr;

/// A way to read message bytes, chosen by `dcs` or by the account's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8 when the bytes are valid UTF-8 beyond plain ASCII, else ISO-8859-1: the gateway's
    /// default (its document, section 4.1) and what its callers really send.
    Auto,
    /// GSM 03.38 with its extension table, one septet a byte.
    Gsm7,
    /// ISO-8859-1; with bytes 0x80 to 0x9F, Windows-1252.
    Latin1,
    /// UTF-8.
    Utf8,
    /// UTF-16, big-endian unless a byte order mark says otherwise; raw, or as hexadecimal digits
    /// (section 5.6).
    Utf16,
    /// Not text.
    Binary,
}

/// No encoding has that name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an encoding; use one of: auto, gsm-7, iso-8859-1, utf-8, utf-16, binary")]
pub struct UnknownEncoding;

impl Encoding {
    /// Every encoding with the name it has in the configuration.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("auto", Self::Auto),
        ("gsm-7", Self::Gsm7),
        ("iso-8859-1", Self::Latin1),
        ("utf-8", Self::Utf8),
        ("utf-16", Self::Utf16),
        ("binary", Self::Binary),
    ];
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .iter()
            .find_map(|(known, encoding)| (*known == name).then_some(*encoding))
            .ok_or(UnknownEncoding)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            Self::NAMES.iter().find_map(|(name, encoding)| (encoding == self).then_some(*name));
        f.write_str(name.unwrap_or_default())
    }
}
