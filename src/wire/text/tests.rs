//! Known bytes in each charset, and any text encoded and decoded again.

use proptest::prelude::*;

use super::*;

/// Bytes, the text, the name of the charset, and whether a part could not be read.
type Case<'a> = (&'a [u8], &'a str, &'a str, bool);

fn check(encoding: Encoding, cases: &[Case<'_>]) {
    for (bytes, text, charset, is_lossy) in cases {
        let decoded = decode(bytes, encoding);
        let found = (decoded.as_str(), decoded.charset().as_str(), decoded.is_lossy());
        assert_eq!(found, (*text, *charset, *is_lossy), "{bytes:02X?}");
    }
}

#[test]
fn the_default_is_utf8_where_it_is_valid_and_else_latin1() {
    check(
        Encoding::Auto,
        &[
            (b"", "", "iso-8859-1", false),
            (b"Hello", "Hello", "iso-8859-1", false),
            (b"caf\xC3\xA9", "café", "utf-8", false),
            (b"caf\xE9", "café", "iso-8859-1", false),
            (b"\xC3", "Ã", "iso-8859-1", false),
            (b"\x80 5", "€ 5", "windows-1252", false),
            (b"\x81", "\u{81}", "windows-1252", false),
            (b"a\0b", "a\u{FFFD}b", "iso-8859-1", true),
            ("\u{1F600}".as_bytes(), "\u{1F600}", "utf-8", false),
        ],
    );
}

#[test]
fn gsm_septets_are_read_with_the_extension_table() {
    check(
        Encoding::Gsm7,
        &[
            (b"\0", "@", "gsm-7", false),
            (b"\x1Be", "€", "gsm-7", false),
            (b"\x1B(\x1B)", "{}", "gsm-7", false),
            (b"Hello\x10 ok", "HelloΔ ok", "gsm-7", false),
            (b"\x1BA", "A", "gsm-7", false),
            (b"x\x1B", "x\u{FFFD}", "gsm-7", true),
            (b"\x1B\x1Be", "\u{FFFD}e", "gsm-7", true),
            (b"\xE9", "\u{FFFD}", "gsm-7", true),
        ],
    );
}

#[test]
fn utf16_is_read_raw_and_as_hexadecimal_digits() {
    check(
        Encoding::Utf16,
        &[
            (b"", "", "utf-16be", false),
            (b"062D0627", "حا", "utf-16be-hex", false),
            (b"062d0627", "حا", "utf-16be-hex", false),
            (b"\x06\x2D\x06\x27", "حا", "utf-16be", false),
            (b"D83DDE00", "\u{1F600}", "utf-16be-hex", false),
            (b"\xD8\x3D\xDE\x00", "\u{1F600}", "utf-16be", false),
            (b"\xFE\xFF\0A", "A", "utf-16be", false),
            (b"\xFF\xFEA\0", "A", "utf-16le", false),
            (b"FFFE4100", "A", "utf-16le-hex", false),
            (b"D83D", "\u{FFFD}", "utf-16be-hex", true),
            (b"\0A\xDE\0", "A\u{FFFD}", "utf-16be", true),
            (b"\0A\0", "A\u{FFFD}", "utf-16be", true),
            (b"004100", "A\u{FFFD}", "utf-16be-hex", true),
            (b"00410", "A\u{FFFD}", "utf-16be-hex", true),
            (b"no hex", "\u{6E6F}\u{2068}\u{6578}", "utf-16be", false),
            (b"\0\0", "\u{FFFD}", "utf-16be", true),
        ],
    );
}

#[test]
fn binary_has_no_text() {
    check(
        Encoding::Binary,
        &[(b"\x06\x05\0", "", "binary", false), (b"text", "", "binary", false)],
    );
}

#[test]
fn utf8_by_configuration_marks_invalid_bytes() {
    check(
        Encoding::Utf8,
        &[(b"caf\xC3\xA9", "café", "utf-8", false), (b"caf\xE9", "caf\u{FFFD}", "utf-8", true)],
    );
}

fn text_of(bytes: &[u8], encoding: Encoding) -> String {
    decode(bytes, encoding).as_str().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02X}"))
}

fn no_nul() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}

proptest! {
    #[test]
    fn any_bytes_decode_in_every_encoding_without_nul(bytes: Vec<u8>) {
        for encoding in Encoding::ALL {
            prop_assert!(!decode(&bytes, encoding).as_str().contains('\0'));
        }
    }

    #[test]
    fn any_text_in_utf8_decodes_to_itself(text in no_nul()) {
        prop_assert_eq!(text_of(text.as_bytes(), Encoding::Utf8), text.clone());
        prop_assert_eq!(text_of(text.as_bytes(), Encoding::Auto), text.clone());
    }

    #[test]
    fn any_latin1_text_decodes_to_itself(text in "[\\x01-\\x7F\\u{A0}-\\u{FF}]*") {
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let decoded = decode(&bytes, Encoding::Latin1);
        prop_assert_eq!((decoded.as_str(), decoded.charset()), (text.as_str(), Charset::Latin1));
        prop_assert!(!decoded.is_lossy());
    }

    #[test]
    fn any_text_in_utf16_decodes_to_itself_raw_and_as_hex(text in no_nul()) {
        prop_assume!(!text.starts_with(['\u{FEFF}', '\u{FFFE}']));
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let digits = hex(&bytes);
        prop_assert_eq!(text_of(digits.as_bytes(), Encoding::Utf16), text.clone());
        // Raw bytes that are all hexadecimal digits are ambiguous.
        prop_assume!(!bytes.iter().all(u8::is_ascii_hexdigit));
        prop_assert_eq!(text_of(&bytes, Encoding::Utf16), text.clone());
    }

    #[test]
    fn any_text_of_the_gsm_alphabet_decodes_to_itself(septets in proptest::collection::vec(0u8..128, 0..160)) {
        let text = gsm7::decode(&septets);
        prop_assume!(!text.is_lossy());
        let encoded = gsm7::encode(text.as_str()).unwrap();
        prop_assert_eq!(gsm7::decode(&encoded), text);
    }
}
