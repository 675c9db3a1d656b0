//! The data coding scheme, as far as it gives the encoding of a message.
//!
//! 0 is ISO-8859-1 and 1 is GSM 03.38 (the gateway's document, section 4.1). 2 is binary and 3 is
//! Latin-1 (SMPP 3.4, section 5.2.19). All others are those of 3GPP TS 23.038, section 4.

use crate::domain::Encoding;

/// A data coding scheme. The default is 0, the gateway's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dcs(u8);

impl Dcs {
    /// Reads a decimal number up to 255; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }

    #[must_use]
    pub fn value(self) -> u8 {
        self.0
    }

    /// The encoding of a message with this scheme.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self.0 {
            1 => Encoding::Gsm7,
            3 => Encoding::Latin1,
            // 2, and with bit 5: compressed.
            2 | 0x20..=0x3F | 0x60..=0x7F => Encoding::Binary,
            // Bits 3 and 2: the alphabet.
            0x00..=0x1F | 0x40..=0x5F => match self.0 >> 2 & 0b11 {
                0b01 => Encoding::Binary,
                0b10 => Encoding::Utf16,
                _ => Encoding::Auto,
            },
            // Message waiting indication, text in UCS-2.
            0xE0..=0xEF => Encoding::Utf16,
            // Message class with bit 2: 8-bit data.
            0xF0..=0xFF if self.0 & 0b100 != 0 => Encoding::Binary,
            // Message waiting or class with the default alphabet; reserved values.
            0x80..=0xDF | 0xF0..=0xFF => Encoding::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_is_read_as_the_document_and_the_standards_say() {
        let cases: [(&[u8], Encoding); 5] = [
            (&[0, 12, 16, 17, 64, 80, 192, 200, 208, 240, 241, 128], Encoding::Auto),
            (&[1], Encoding::Gsm7),
            (&[3], Encoding::Latin1),
            (&[8, 9, 10, 11, 24, 25, 72, 224, 239], Encoding::Utf16),
            (&[2, 4, 5, 6, 7, 20, 32, 40, 96, 244, 245, 246, 247], Encoding::Binary),
        ];
        for (schemes, encoding) in cases {
            for scheme in schemes {
                assert_eq!(Dcs(*scheme).encoding(), encoding, "dcs {scheme}");
            }
        }
    }

    #[test]
    fn only_a_small_number_is_a_scheme() {
        assert_eq!(Dcs::parse("8"), Some(Dcs(8)));
        assert_eq!(Dcs::parse(" 245 "), Some(Dcs(245)));
        for other in ["", "abc", "256", "-1", "8.0", "0x08"] {
            assert_eq!(Dcs::parse(other), None, "{other:?}");
        }
    }
}
