//! Encodes text as gateways do. Written from the standards, independently of the receiver's decoders,
//! so that their errors do not cancel out.

/// ISO-8859-1; `?` where it lacks a character.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// Windows-1252, as far as the texts here need it; `?` where it lacks a character.
pub(super) fn windows_1252(text: &str) -> Vec<u8> {
    let byte = |c| match c {
        '€' => 0x80,
        '…' => 0x85,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '–' => 0x96,
        '—' => 0x97,
        '™' => 0x99,
        other => u8::try_from(u32::from(other)).unwrap_or(b'?'),
    };
    text.chars().map(byte).collect()
}

/// GSM 03.38 with its extension table (3GPP TS 23.038, section 6.2.1), one septet a byte; `?` where it
/// lacks a character.
pub(super) fn gsm7(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        let septet = match c {
            '@' => 0x00,
            '£' => 0x01,
            '$' => 0x02,
            '¥' => 0x03,
            'è' => 0x04,
            'é' => 0x05,
            'ù' => 0x06,
            'ì' => 0x07,
            'ò' => 0x08,
            'Ç' => 0x09,
            'Ø' => 0x0B,
            'ø' => 0x0C,
            'Å' => 0x0E,
            'å' => 0x0F,
            'Δ' => 0x10,
            '_' => 0x11,
            'Φ' => 0x12,
            'Γ' => 0x13,
            'Λ' => 0x14,
            'Ω' => 0x15,
            'Π' => 0x16,
            'Ψ' => 0x17,
            'Σ' => 0x18,
            'Θ' => 0x19,
            'Ξ' => 0x1A,
            'Æ' => 0x1C,
            'æ' => 0x1D,
            'ß' => 0x1E,
            'É' => 0x1F,
            '¤' => 0x24,
            '¡' => 0x40,
            'Ä' => 0x5B,
            'Ö' => 0x5C,
            'Ñ' => 0x5D,
            'Ü' => 0x5E,
            '§' => 0x5F,
            '¿' => 0x60,
            'ä' => 0x7B,
            'ö' => 0x7C,
            'ñ' => 0x7D,
            'ü' => 0x7E,
            'à' => 0x7F,
            '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => {
                bytes.push(0x1B);
                match c {
                    '^' => 0x14,
                    '{' => 0x28,
                    '}' => 0x29,
                    '\\' => 0x2F,
                    '[' => 0x3C,
                    '~' => 0x3D,
                    ']' => 0x3E,
                    '|' => 0x40,
                    _ => 0x65,
                }
            }
            '\n' | '\r' | ' '..='#' | '%'..='?' | 'A'..='Z' | 'a'..='z' => {
                u8::try_from(c).expect("ASCII")
            }
            _ => b'?',
        };
        bytes.push(septet);
    }
    bytes
}

/// UTF-16, big-endian.
pub(super) fn utf16_be(text: &str) -> Vec<u8> {
    of_units(&text.encode_utf16().collect::<Vec<_>>())
}

/// UTF-16, little-endian, after a byte order mark.
pub(super) fn utf16_le_marked(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// Units of UTF-16, big-endian. Where the bytes could be read as hexadecimal digits, which gateways
/// send too, a byte order mark prevents that.
pub(super) fn of_units(units: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit) {
        return [&[0xFE, 0xFF], &*bytes].concat();
    }
    bytes
}

/// The bytes as hexadecimal digits (the gateway's document, section 5.6).
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect()
}
