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
            (b"\x1BA", "A", "gsm-7", true),
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

#[test]
fn m01_utf8_with_a_cut_character_is_utf8_and_marked() {
    check(
        Encoding::Auto,
        &[
            (b"Za\xC5\xBC\xC3\xB3\xC5", "Zażó\u{FFFD}", "utf-8", true),
            (b"\xBC za\xC5\xBC\xC3\xB3", "\u{FFFD} zażó", "utf-8", true),
            (b"caf\xC3\xA9 \xE2\x82", "café \u{FFFD}", "utf-8", true),
            (b"caf\xC3\xA9 \xC3\xA8 \xFF", "café è \u{FFFD}", "utf-8", true),
            (b"Hi \xF0\x9F\x98", "Hi \u{FFFD}", "utf-8", true),
            (b"It\xE2\x80", "It\u{FFFD}", "utf-8", true),
            // Latin-1 and Windows-1252.
            (b"caf\xE9", "café", "iso-8859-1", false),
            (b"caf\xE9 \xC3 ok", "café Ã ok", "iso-8859-1", false),
            (b"\x93caf\xE9\x94", "“café”", "windows-1252", false),
            (b"caf\xE9\x94", "café”", "windows-1252", false),
            (b"\xE9t\xE9 \xE0 \xC2\xB0", "été à Â°", "iso-8859-1", false),
        ],
    );
    assert_eq!(decode_parameter(b"caf\xC3\xA9 \xC3", None), "café \u{FFFD}");
    assert_eq!(decode_parameter(b"caf\xE9", None), "café");
}

#[test]
fn m03_utf8_under_a_dcs_of_utf16_is_utf8() {
    check(
        Encoding::Utf16,
        &[
            ("Привет".as_bytes(), "Привет", "utf-8", false),
            ("Zażółć gęślą".as_bytes(), "Zażółć gęślą", "utf-8", false),
            (b"caf\xC3\xA9", "café", "utf-8", false),
            ("cafés".as_bytes(), "cafés", "utf-8", false),
            ("日本語".as_bytes(), "日本語", "utf-8", false),
            ("日本".as_bytes(), "日本", "utf-8", false),
            ("\u{1F600}".as_bytes(), "\u{1F600}", "utf-8", false),
            (b"Hello, world", "Hello, world", "iso-8859-1", false),
            (b"Hey", "Hey", "iso-8859-1", false),
            // Short, or no words: as declared.
            (b"O`Y}", "你好", "utf-16be", false),
            (b"xyz!", "\u{7879}\u{7A21}", "utf-16be", false),
            (b"\xC3\xA9", "\u{C3A9}", "utf-16be", false),
            (b"\x04\x1F\x04\x40", "Пр", "utf-16be", false),
            (b"\x09\x28\x09\x2E\x09\x38\x09\x4D", "नमस्", "utf-16be", false),
        ],
    );
}

#[test]
fn m06_m07_a_user_data_header_is_skipped_and_a_byte_order_mark_behind_it_is_found() {
    check(
        Encoding::Auto,
        &[
            (b"\x05\0\x03\xA5\x02\x01Hello", "Hello", "iso-8859-1", false),
            (b"\x06\x08\x04\x12\x34\x03\x03caf\xC3\xA9", "café", "utf-8", false),
            (b"\x0B\x05\x04\x23\xF4\0\0\0\x03\x01\x02\x02x", "x", "iso-8859-1", false),
            (b"\x05\0\x03\xA5\x02\x01", "", "iso-8859-1", false),
            (b"\x05\0\x03\xA5\x02\x01\xEF\xBB\xBF\xC3\xA9", "é", "utf-8", false),
            (b"\x05\0\x03\xA5\x02\x01\xFE\xFF\0A", "A", "utf-16be", false),
            // Not certain: part 3 of 2, part 0, a length that does not fit, too short.
            (b"\x05\0\x03\x41\x02\x03x", "\u{5}\u{FFFD}\u{3}A\u{2}\u{3}x", "iso-8859-1", true),
            (b"\x05\0\x03\xA5\x02\0x", "\u{5}\u{FFFD}\u{3}¥\u{2}\u{FFFD}x", "iso-8859-1", true),
            (b"\x06\0\x03\xA5", "\u{6}\u{FFFD}\u{3}¥", "iso-8859-1", true),
        ],
    );
    check(Encoding::Gsm7, &[(b"\x05\0\x03\xA5\x02\x02\x1Be", "€", "gsm-7", false)]);
    check(Encoding::Binary, &[(b"\x05\0\x03\xA5\x02\x02\x1Be", "", "binary", false)]);
    check(
        Encoding::Utf16,
        &[
            (b"\x05\0\x03\xA5\x02\x01\xFF\xFEA\0", "A", "utf-16le", false),
            (b"\x06\x08\x04\0\x01\x02\x02\xFE\xFF\x04\x1F", "П", "utf-16be", false),
            (b"050003A50201FEFF0041", "A", "utf-16be-hex", false),
            (b"0608040001020200410042", "AB", "utf-16be-hex", false),
        ],
    );
}

#[test]
fn m08_control_characters_say_gsm_or_that_the_text_is_wrong() {
    check(
        Encoding::Auto,
        &[
            (b"caf\x05", "café", "gsm-7", false),
            (b"caf\x05 \x1Be 5, a\0b", "café € 5, a@b", "gsm-7", false),
            (b"\x05t\x05", "été", "gsm-7", false),
            (b"l\x7F", "là", "gsm-7", false),
            (b"a\tb\r\nc", "a\tb\r\nc", "iso-8859-1", false),
            (b"caf\xE9\x05", "café\u{5}", "iso-8859-1", true),
            (b"caf\xC3\xA9\x05", "café\u{5}", "utf-8", true),
            (b"caf\x05\x1B", "caf\u{5}\u{1B}", "iso-8859-1", true),
            (b"\x01\x02\x03\x04a", "\u{1}\u{2}\u{3}\u{4}a", "iso-8859-1", true),
            (b"\0H\0i", "\u{FFFD}H\u{FFFD}i", "iso-8859-1", true),
        ],
    );
}

#[test]
fn m12_an_unknown_escape_is_read_without_and_marked() {
    check(
        Encoding::Gsm7,
        &[
            (b"\x1BS", "S", "gsm-7", true),
            (b"a\x1Bsb", "asb", "gsm-7", true),
            (b"\x1Be", "€", "gsm-7", false),
        ],
    );
}

#[test]
fn m13_the_declared_charset_is_believed_where_the_bytes_fit() {
    let cases: [(&str, &[u8], &str, &str, bool); 8] = [
        ("windows-1251", b"\xCF\xF0\xE8\xE2\xE5\xF2", "Привет", "windows-1251", false),
        ("KOI8-R", b"\xF0\xD2\xC9\xD7\xC5\xD4", "Привет", "koi8-r", false),
        ("iso-8859-9", b"\xFE", "ş", "windows-1254", false),
        ("Shift_JIS", b"\x93\xFA\x96\x7B", "日本", "shift_jis", false),
        ("euc-kr", b"\xC7\xD1", "한", "euc-kr", false),
        // The bytes do not fit, or are ASCII.
        ("Shift_JIS", b"caf\xE9", "café", "iso-8859-1", false),
        ("windows-1251", b"Hello", "Hello", "iso-8859-1", false),
        ("windows-1251", b"\xCF\x05", "П\u{5}", "windows-1251", true),
    ];
    for (label, bytes, text, charset, is_lossy) in cases {
        let decoded = decode_declared(bytes, declared_charset(label.as_bytes()).unwrap());
        let found = (decoded.as_str(), decoded.charset().as_str(), decoded.is_lossy());
        assert_eq!(found, (text, charset, is_lossy), "{label} {bytes:02X?}");
    }
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
        prop_assume!(!text.starts_with('\u{FEFF}'));
        prop_assert_eq!(text_of(text.as_bytes(), Encoding::Utf8), text.clone());
        // Control characters may say GSM 03.38.
        prop_assume!(!gsm7::is_certain(text.as_bytes()));
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
        prop_assume!(!utf8::is_instead_of_utf16(&bytes));
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
