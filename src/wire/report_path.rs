//! The token in the path of a delivery report, and parameters that were appended to it.

use std::borrow::Cow;

use super::percent::percent_decode_only;

/// What follows `/delivery-reports/` in a path.
#[derive(Debug, PartialEq, Eq)]
pub struct ReportPath<'a> {
    pub token: Cow<'a, [u8]>,
    /// What a gateway that knows no `?` appended: parameters as in a query, still percent-encoded.
    pub parameters: &'a [u8],
}

impl<'a> ReportPath<'a> {
    /// Splits the path, percent-encoded, behind the slash after `delivery-reports`. The token ends at
    /// `&`; a slash behind it is ignored.
    #[must_use]
    pub fn new(path: &'a [u8]) -> Self {
        let (token, parameters) = match memchr::memchr(b'&', path) {
            Some(at) => path.split_at(at),
            None => (path, &[][..]),
        };
        let token = token.strip_suffix(b"/").unwrap_or(token);
        Self {
            token: percent_decode_only(token),
            parameters: parameters.strip_prefix(b"&").unwrap_or(parameters),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h10_the_token_ends_at_an_ampersand_and_what_follows_are_parameters() {
        for (path, token, parameters) in [
            ("T", "T", ""),
            ("T/", "T", ""),
            ("T&mess_id=1", "T", "mess_id=1"),
            ("T/&mess_id=1", "T", "mess_id=1"),
            ("T&", "T", ""),
            ("T&&mess_id=a%26b/c", "T", "&mess_id=a%26b/c"),
            ("T%26x+y", "T&x+y", ""),
            ("T&amp;status=0", "T", "amp;status=0"),
            ("", "", ""),
            ("T/x", "T/x", ""),
        ] {
            let split = ReportPath::new(path.as_bytes());
            let expected = (token.as_bytes(), parameters.as_bytes());
            assert_eq!((&*split.token, split.parameters), expected, "{path}");
        }
    }
}
