//! The names of parameters, as people misspell them.

use std::borrow::Cow;

use super::percent::percent_decode_only;

/// The name of the parameter with the user. It is never stored.
const USER: &[u8] = b"user";

/// The name of the parameter with the password, and what people write instead. They are never stored,
/// also as the step of a path, such as `account.password`.
const PASSWORDS: [&[u8]; 8] =
    [b"pass", b"password", b"passwd", b"passphrase", b"passcode", b"passwort", b"pwd", b"userpass"];

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
        return name == USER || PASSWORDS.contains(&name);
    }
    let mut name = Cow::Borrowed(name);
    while let Cow::Owned(decoded) = percent_decode_only(&name) {
        name = Cow::Owned(decoded);
    }
    let name = plain(&name).to_ascii_lowercase();
    let letters: Vec<u8> = name.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    // `account.password`, `login[pass]`, `pass[0]`
    let mut steps = name.split(|byte| matches!(byte, b'.' | b'[' | b']' | b':'));
    letters == USER
        || PASSWORDS.iter().any(|password| letters == *password)
        || steps.any(|step| PASSWORDS.contains(&step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_a_password_or_the_user_are_credentials_and_others_are_not() {
        for name in [
            "user",
            "pass",
            "Password",
            "pass[]",
            "pass[0]",
            "credentials[pass]",
            "account.password",
            "passcode",
            "Passwort",
            "userpass",
            "p-w-d",
            "%70ass",
            "amp;pass",
            "a:pwd",
            "pass\0",
        ] {
            assert!(is_credential(name.as_bytes()), "{name}");
        }
        for name in
            ["", "users", "user.name", "boarding_pass", "compass", "passes", "message", "x[y]"]
        {
            assert!(!is_credential(name.as_bytes()), "{name}");
        }
    }
}
