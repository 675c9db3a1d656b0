//! The passwords and tokens of all accounts, to keep them out of what is stored.

use std::borrow::Cow;
use std::str::Chars;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a secret.
const REDACTED: &[u8] = b"***";

/// A shorter secret is replaced only where it is the whole text: it would be found everywhere.
const SEARCHED_LENGTH: usize = 4;

/// How often a text is percent-decoded.
const LAYERS: usize = 3;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Passwords and tokens, not users. They are kept in clear, because an encoded secret inside a longer
/// text can't be found by its digest; the configuration keeps them in clear, too.
#[derive(Clone, Default)]
pub struct Secrets(Vec<SecretString>);

impl<'a> FromIterator<&'a SecretString> for Secrets {
    fn from_iter<I: IntoIterator<Item = &'a SecretString>>(secrets: I) -> Self {
        let secrets = secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty());
        Self(secrets.cloned().collect())
    }
}

impl Secrets {
    /// The text with `***` in the place of every secret: as it is, percent-encoded, escaped for JSON or
    /// HTML, or within hexadecimal or Base64 digits. Takes time linear in the length of the text.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        if self.0.iter().any(|secret| match_at(text, secret) == Some(text.len())) {
            return Cow::Borrowed(REDACTED);
        }
        let mut redacted = Cow::Borrowed(text);
        for find in [Self::find_digits, Self::find] {
            if let Some(replaced) = self.replace(&redacted, find) {
                redacted = Cow::Owned(replaced);
            }
        }
        if self.is_in_percent_decoding(&redacted) || self.is_between_nuls(&redacted) {
            return Cow::Borrowed(REDACTED);
        }
        redacted
    }

    /// Whether a secret shows without the NULs, as in UTF-16.
    fn is_between_nuls(&self, text: &[u8]) -> bool {
        text.contains(&0) && {
            let letters: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0).collect();
            self.replace(&letters, Self::find).is_some()
        }
    }

    /// Whether a secret shows once the text is percent-decoded: one that is encoded in two ways at once.
    fn is_in_percent_decoding(&self, text: &[u8]) -> bool {
        let mut text = Cow::Borrowed(text);
        for _ in 0..LAYERS {
            if !text.contains(&b'%') {
                return false;
            }
            text = Cow::Owned(percent_decoded(&text));
            if [Self::find_digits, Self::find]
                .iter()
                .any(|find| self.replace(&text, *find).is_some())
            {
                return true;
            }
        }
        false
    }

    /// Whether a secret has a `=` in it, which separates names from values.
    #[must_use]
    pub fn have_equals_sign(&self) -> bool {
        self.0.iter().any(|secret| secret.expose_secret().contains('='))
    }

    /// The text with every find replaced; `None` where there is none. `find` returns how many bytes at
    /// the beginning of its first argument are to be replaced, and how many others to be skipped.
    fn replace(&self, text: &[u8], find: fn(&Self, &[u8]) -> (usize, usize)) -> Option<Vec<u8>> {
        let mut replaced = Vec::new();
        let (mut kept_from, mut position) = (0, 0);
        while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
            let (secret, other) = find(self, rest);
            if secret > 0 {
                replaced.extend_from_slice(text.get(kept_from..position)?);
                replaced.extend_from_slice(REDACTED);
                kept_from = position + secret;
            }
            position += secret.max(other).max(1);
        }
        if kept_from == 0 {
            return None;
        }
        replaced.extend_from_slice(text.get(kept_from..)?);
        Some(replaced)
    }

    /// The secret at the beginning of the text.
    fn find(&self, text: &[u8]) -> (usize, usize) {
        let found = self.searched().filter_map(|secret| match_at(text, secret)).max();
        (found.unwrap_or(0), 1)
    }

    /// The run of hexadecimal or Base64 digits at the beginning of the text, if a secret is within.
    fn find_digits(&self, text: &[u8]) -> (usize, usize) {
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        let run = text.iter().take_while(|byte| is_digit(byte)).count();
        let (digits, behind) = text.split_at(run);
        if run <= SEARCHED_LENGTH || !self.is_in_any_decoding(digits) {
            return (0, run);
        }
        (run + behind.iter().take_while(|byte| **byte == b'=').count(), 0)
    }

    fn is_in_any_decoding(&self, digits: &[u8]) -> bool {
        let hex = (0..2).filter_map(|offset| from_hex(digits.get(offset..)?));
        let standard = digits.iter().map(|digit| match digit {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        });
        let standard: Vec<u8> = standard.collect();
        let base64 = (0..4).filter_map(|offset| {
            let digits = standard.get(offset..)?;
            // One digit over is no byte.
            let whole = if digits.len() % 4 == 1 { digits.len() - 1 } else { digits.len() };
            BASE64.decode(digits.get(..whole)?).ok()
        });
        hex.chain(base64).any(|decoded| {
            (0..decoded.len())
                .filter_map(|at| decoded.get(at..))
                .any(|rest| self.searched().any(|secret| match_at(rest, secret).is_some()))
        })
    }

    fn searched(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter().filter(|secret| secret.expose_secret().len() >= SEARCHED_LENGTH)
    }
}

fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    digits.chunks_exact(2).map(hex_byte).collect()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    number(digits, 16)?.try_into().ok()
}

fn percent_decoded(mut text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        match rest.split_at_checked(2).and_then(|(digits, rest)| Some((hex_byte(digits)?, rest))) {
            Some((byte, behind)) if *first == b'%' => {
                decoded.push(byte);
                text = behind;
            }
            _ => {
                decoded.push(*first);
                text = rest;
            }
        }
    }
    decoded
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let are_digits = digits.iter().all(|digit| char::from(*digit).is_digit(radix));
    let digits = std::str::from_utf8(digits).ok().filter(|_| are_digits)?;
    u32::from_str_radix(digits, radix).ok()
}

/// The length of the secret at the beginning of the text. Each character may be encoded its own way.
fn match_at(text: &[u8], secret: &SecretString) -> Option<usize> {
    let rest = strip_characters(text, secret.expose_secret().chars())?;
    Some(text.len() - rest.len())
}

fn strip_characters<'t>(mut text: &'t [u8], mut characters: Chars<'_>) -> Option<&'t [u8]> {
    while let Some(character) = characters.next() {
        // How often a percent sign is encoded can't be seen from itself.
        if character == '%' && text.starts_with(b"%") {
            let mut rest = text.get(1..)?;
            loop {
                match strip_characters(rest, characters.clone()) {
                    None => rest = rest.strip_prefix(b"25")?,
                    found => return found,
                }
            }
        }
        text = strip_character(text, character)?;
    }
    Some(text)
}

fn strip_character(text: &[u8], character: char) -> Option<&[u8]> {
    let utf8 = || strip_bytes(text, character.encode_utf8(&mut [0; 4]).as_bytes());
    let latin1 = || {
        let byte = u8::try_from(u32::from(character)).ok().filter(|byte| !byte.is_ascii())?;
        strip_bytes(text, &[byte])
    };
    escaped_for_json(text, character)
        .or_else(|| escaped_for_html(text, character))
        .or_else(utf8)
        .or_else(latin1)
}

/// Bytes as they are, or percent-encoded, once or more often; a blank may be a `+`.
fn strip_bytes<'t>(text: &'t [u8], bytes: &[u8]) -> Option<&'t [u8]> {
    bytes.iter().try_fold(text, |text, byte| {
        let encoded = || {
            // The second is quoted-printable.
            let mut digits = text.strip_prefix(b"%").or_else(|| text.strip_prefix(b"="))?;
            while let Some(rest) = digits.strip_prefix(b"25") {
                digits = rest;
            }
            let (digits, rest) = digits.split_at_checked(2)?;
            (hex_byte(digits)? == *byte).then_some(rest)
        };
        let blank = || if *byte == b' ' { text.strip_prefix(b"+") } else { None };
        encoded().or_else(blank).or_else(|| text.strip_prefix(&[*byte]))
    })
}

fn escaped_for_json(text: &[u8], character: char) -> Option<&[u8]> {
    let escaped = text.strip_prefix(b"\\")?;
    if escaped.first() == Some(&b'u') {
        return character.encode_utf16(&mut [0; 2]).iter().try_fold(text, |text, unit| {
            let (digits, rest) = text.strip_prefix(b"\\u")?.split_at_checked(4)?;
            (number(digits, 16)? == u32::from(*unit)).then_some(rest)
        });
    }
    let (&letter, rest) = escaped.split_first()?;
    let meant = match letter {
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'"' | b'\\' | b'/' => char::from(letter),
        _ => return None,
    };
    (meant == character).then_some(rest)
}

fn escaped_for_html(text: &[u8], character: char) -> Option<&[u8]> {
    /// The digits of the largest code point are fewer.
    const LONGEST: usize = 10;
    let entity = text.strip_prefix(b"&")?;
    let end = entity.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let (name, rest) = entity.split_at(end);
    let meant = match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16).and_then(char::from_u32),
        [b'#', digits @ ..] => number(digits, 10).and_then(char::from_u32),
        _ => None,
    };
    if meant? == character { rest.strip_prefix(b";") } else { None }
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
