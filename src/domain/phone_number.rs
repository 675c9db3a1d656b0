//! Phone numbers as the gateway writes them.

use super::Text;

/// A number in the gateway's notation: international, digits only, without `+` and `00`.
///
/// Only a text that looks like one phone number is changed. Any other, such as the alphanumeric
/// originator `Routo`, or several numbers, stays as it is, without surrounding blanks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PhoneNumber(Text);

/// The most digits of an international number (E.164).
const MOST_DIGITS: usize = 15;

/// With fewer digits behind it, `00` is not an international prefix.
const FEWEST_INTERNATIONAL_DIGITS: usize = 8;

impl PhoneNumber {
    /// Normalises the text that arrived. A number that has been normalised stays the same.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(digits(text).map_or_else(|| text.trim().into(), Text::from))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the number differs from the text that arrived by more than the `+` in front, or the blank
    /// as which an unescaped `+` arrives.
    #[must_use]
    pub fn is_altered(&self, text: &str) -> bool {
        if text == self.as_str() {
            return false;
        }
        let unsigned = text.strip_prefix(['+', ' ']).unwrap_or(text);
        let is_number = |text: &str| Text::from(text) == self.0;
        !is_number(text) && !is_number(unsigned)
    }
}

/// The digits of a text that looks like a phone number.
fn digits(text: &str) -> Option<String> {
    if is_all_digits(text) && !text.is_empty() {
        return Some(without_international_prefix(text.to_owned()));
    }
    let visible: String = text.trim().chars().filter(|c| !is_invisible(*c)).collect();
    let visible = visible.trim();
    if is_all_digits(visible) && !visible.is_empty() {
        return Some(without_international_prefix(visible.to_owned()));
    }
    let unsigned = visible.strip_prefix('+').unwrap_or(visible).trim_start();
    let is_grouped = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '(')
        && unsigned.ends_with(|c: char| c.is_ascii_digit() || c == ')')
        && unsigned.chars().all(|c| c.is_ascii_digit() || is_separator(c))
        && has_closed_brackets(unsigned)
        && !has_decimals(unsigned);
    if !is_grouped {
        return None;
    }
    let mut digits = without_trunk_prefix(unsigned);
    digits.retain(|c| c.is_ascii_digit());
    let digits = without_international_prefix(digits);
    (!digits.is_empty() && digits.len() <= MOST_DIGITS).then_some(digits)
}

/// Marks of direction, of width zero, and of the byte order, as copied along from address books.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{61C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206F}'
            | '\u{FEFF}'
    )
}

/// What stands between groups of digits: blanks, dashes, and the rest of the usual punctuation.
fn is_separator(c: char) -> bool {
    let is_blank = c.is_whitespace() && !c.is_control();
    let is_dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}');
    is_blank || is_dash || matches!(c, '.' | '(' | ')' | '/')
}

fn has_closed_brackets(text: &str) -> bool {
    let mut is_open = false;
    for c in text.chars().filter(|c| matches!(c, '(' | ')')) {
        if is_open == (c == '(') {
            return false;
        }
        is_open = c == '(';
    }
    !is_open
}

/// Whether a dot is that of a decimal number or an address rather than one between groups: next to a
/// single digit; or the only separator, and before zeros or two digits.
fn has_decimals(text: &str) -> bool {
    if !text.contains('.') {
        return false;
    }
    let length = |group: &str| group.bytes().filter(u8::is_ascii_digit).count();
    if text.split('.').any(|group| length(group) == 1) {
        return true;
    }
    match text.split_once('.') {
        Some((whole, decimals)) if [whole, decimals].iter().all(|part| is_all_digits(part)) => {
            decimals.len() < 3 || decimals.bytes().all(|byte| byte == b'0')
        }
        _ => false,
    }
}

fn is_all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Without the `(0)` of `+44 (0)7700 900123`, which is dialled only within the country.
fn without_trunk_prefix(text: &str) -> String {
    match text.split_once("(0)") {
        Some((country, rest)) if country.contains(|c: char| c.is_ascii_digit()) => {
            [country, rest].concat()
        }
        _ => text.to_owned(),
    }
}

fn without_international_prefix(digits: String) -> String {
    match digits.strip_prefix("00") {
        Some(number)
            if !number.starts_with('0')
                && (FEWEST_INTERNATIONAL_DIGITS..=MOST_DIGITS).contains(&number.len()) =>
        {
            number.to_owned()
        }
        _ => digits,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What arrives, what is stored, and whether that is altered by more than a `+`.
    #[test]
    fn n01_n02_n03_n07_only_what_looks_like_one_phone_number_becomes_digits() {
        let cases = [
            ("447700900123", "447700900123", false),
            ("+447700900123", "447700900123", false),
            (" 447700900123", "447700900123", false),
            ("80123", "80123", false),
            ("0", "0", false),
            ("Routo", "Routo", false),
            ("44+12", "44+12", false),
            ("+", "+", false),
            ("", "", false),
            ("\0", "\u{FFFD}", false),
            (" My Shop 24 ", "My Shop 24", true),
            ("  447700900123", "447700900123", true),
            ("447700900123\r\n", "447700900123", true),
            ("+44 (7700) 900-123", "447700900123", true),
            ("+44 (0)7700 900123", "447700900123", true),
            ("+44 (0) 7700 900123", "447700900123", true),
            ("(07700) 900123", "07700900123", true),
            ("07700/900123", "07700900123", true),
            ("44.7700.900123", "447700900123", true),
            ("07.70.09.00.12", "0770090012", true),
            ("44\u{2011}7700\u{2013}900123", "447700900123", true),
            ("+44\u{A0}7700\u{202F}900123", "447700900123", true),
            ("\u{202A}+447700900123\u{202C}", "447700900123", true),
            ("\u{FEFF}447700\u{200B}900123", "447700900123", true),
            ("\u{2066}447700900123\u{2069}", "447700900123", true),
            ("00447700900123", "447700900123", true),
            ("00 44 7700 900123", "447700900123", true),
            ("+00447700900123", "447700900123", true),
            ("0012345", "0012345", false),
            ("000447700900123", "000447700900123", false),
            ("00447700900123447700900456", "00447700900123447700900456", false),
            // Not a phone number: as it came.
            ("447700900123.0", "447700900123.0", false),
            ("447700900123.00", "447700900123.00", false),
            ("447700900123.000", "447700900123.000", false),
            ("+447700900123.0", "+447700900123.0", false),
            ("4.47700900123E11", "4.47700900123E11", false),
            ("4.47700900123e+11", "4.47700900123e+11", false),
            ("447700900123,447700900456", "447700900123,447700900456", false),
            ("447700900123;447700900456", "447700900123;447700900456", false),
            ("447700900123 447700900456", "447700900123 447700900456", false),
            ("447700900123/447700900456", "447700900123/447700900456", false),
            ("447700900123-447700900456", "447700900123-447700900456", false),
            ("44770\n0900123", "44770\n0900123", false),
            ("-447700900123", "-447700900123", false),
            ("447700900123-", "447700900123-", false),
            ("44(7700", "44(7700", false),
            ("44)7700(", "44)7700(", false),
            ("192.168.1.1", "192.168.1.1", false),
            ("1.5", "1.5", false),
            ("*100#", "*100#", false),
            ("()", "()", false),
            ("\u{202A}Routo\u{202C}", "\u{202A}Routo\u{202C}", false),
        ];
        for (arrives, stored, is_altered) in cases {
            let number = PhoneNumber::new(arrives);
            assert_eq!(
                (number.as_str(), number.is_altered(arrives)),
                (stored, is_altered),
                "{arrives:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_stored_number_stays_the_same(text in r"[0-9+ ().E/\-\x{202A}\x{A0}A]{0,24}") {
            let stored = PhoneNumber::new(&text);
            prop_assert_eq!(&PhoneNumber::new(stored.as_str()), &stored);
            prop_assert!(!stored.is_altered(stored.as_str()));
        }
    }
}
