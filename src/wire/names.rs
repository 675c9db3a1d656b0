//! The names of parameters, as people misspell them.

use std::borrow::Cow;

use super::percent::percent_decode_only;

/// The names of the parameters with credentials, and what people write instead. They are never stored.
const CREDENTIALS: [&str; 6] = ["user", "pass", "password", "passwd", "passphrase", "pwd"];

/// What stands in front of a name by mistake: the rest of an ampersand that was escaped for HTML, or a
/// byte order mark.
const MISTAKES: [&[u8]; 5] = [b"amp;", b"#38;", b"#038;", b"#x26;", b"\xEF\xBB\xBF"];

/// The name without what surrounds it by mistake.
pub(super) fn plain(mut name: &[u8]) -> &[u8] {
    loop {
        let trimmed = trim(name);
        let rest = MISTAKES.iter().find_map(|mistake| {
            let (before, rest) = trimmed.split_at_checked(mistake.len())?;
            before.eq_ignore_ascii_case(mistake).then_some(rest)
        });
        match rest {
            Some(rest) => name = rest,
            None => return trimmed,
        }
    }
}

fn trim(mut name: &[u8]) -> &[u8] {
    let is_blank = |byte: u8| byte == 0 || byte.is_ascii_whitespace();
    while let [first, rest @ ..] = name
        && is_blank(*first)
    {
        name = rest;
    }
    while let [rest @ .., last] = name
        && is_blank(*last)
    {
        name = rest;
    }
    name
}

/// Whether the parameter has credentials, however its name is misspelt: letter case, brackets, blanks,
/// quotes and further percent-encoding are ignored.
pub(super) fn is_credential(name: &[u8]) -> bool {
    /// No credential has a longer name, however it is encoded.
    const LONGEST: usize = 256;
    if name.len() > LONGEST {
        return false;
    }
    if name.iter().all(u8::is_ascii_lowercase) {
        return CREDENTIALS.iter().any(|secret| name == secret.as_bytes());
    }
    let mut name = Cow::Borrowed(name);
    while let Cow::Owned(decoded) = percent_decode_only(&name) {
        name = Cow::Owned(decoded);
    }
    let letters: Vec<u8> = plain(&name)
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    CREDENTIALS.iter().any(|secret| letters == secret.as_bytes())
}
