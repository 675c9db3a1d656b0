//! Parameters from query string and form body, together, as bytes.
//!
//! The gateway's document puts the parameters of a `POST` into the query string in one place and into
//! the form body in another (sections 7.1, 7.1.1, 7.1.2). So both are read, and form one list.

use std::borrow::Cow;

use crate::domain::{CallbackKind, Extra, RejectedContent, Text};

use super::documented::documented;
use super::hex::hex_digit;
use super::text::decode_parameter;

/// The most parameters of a request. Where there are more, the last one is [`REST`]: the cost is
/// bounded, and nothing is dropped.
pub const MAX_PARAMETERS: usize = 256;

/// The name of a parameter that nobody sends. Its value is the rest of a request with too many
/// parameters, as it arrived, without credentials.
pub const REST: &str = "&";

/// The names of the parameters with credentials. They are never stored; letter case is ignored.
const CREDENTIALS: [&str; 2] = ["user", "pass"];

/// A name and a value, borrowed where nothing has to be decoded.
type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The decoded parameters of a request in their order: those of the query, then those of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params<'a> {
    pub(super) pairs: Vec<Pair<'a>>,
}

impl<'a> Params<'a> {
    /// Reads a query string and an `application/x-www-form-urlencoded` body of a callback of this kind.
    ///
    /// Some gateways append their parameters with a second `?` to a URL that has a query already. So in
    /// a query string, a `?` in front of a documented name and `=` separates like `&`. Line ends after a
    /// body are ignored.
    #[must_use]
    pub fn parse(kind: CallbackKind, query: &'a [u8], form: &'a [u8]) -> Self {
        let mut params = Self { pairs: Vec::with_capacity(8) };
        let documented = documented(kind);
        let mut rest = skip_question_marks(query);
        while let Some((before, after)) = split_at_stray_question_mark(rest, documented) {
            params.extend(before);
            rest = after;
        }
        params.extend(rest);
        params.extend(trim_end(form, b"\r\n"));
        params
    }

    fn extend(&mut self, mut input: &'a [u8]) {
        while !input.is_empty() && self.pairs.len() + 1 < MAX_PARAMETERS {
            let (pair, rest) = split_once(input, b'&');
            if !pair.is_empty() {
                let (name, value) = split_once(pair, b'=');
                self.pairs.push((percent_decode(name), percent_decode(value.unwrap_or_default())));
            }
            input = rest.unwrap_or_default();
        }
        self.keep_rest(input);
    }

    /// Adds to [`REST`], the last parameter, for which one place is left.
    fn keep_rest(&mut self, input: &'a [u8]) {
        for pair in input.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, _) = split_once(pair, b'=');
            if is_credential(&percent_decode(name)) {
                continue;
            }
            if self.pairs.len() < MAX_PARAMETERS {
                self.pairs.push((Cow::Borrowed(REST.as_bytes()), Cow::Borrowed(pair)));
            } else if let Some((_, rest)) = self.pairs.last_mut() {
                let rest = rest.to_mut();
                rest.push(b'&');
                rest.extend_from_slice(pair);
            }
        }
    }

    /// The first value of the parameter; the others are extra.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.pairs
            .iter()
            .find_map(|(key, value)| (key.as_ref() == name.as_bytes()).then_some(value.as_ref()))
    }

    /// [`first`](Self::first) as text.
    pub(super) fn first_text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.first(name).map(decode_parameter)
    }

    /// Every value but the first one of each `documented` parameter, without credentials.
    pub(super) fn extra(&self, documented: &[&str]) -> Extra {
        let mut seen = 0_u32;
        let mut is_extra = |name: &[u8]| {
            let place = documented.iter().position(|known| known.as_bytes() == name);
            place.is_none_or(|place| {
                let bit = 1 << place;
                let is_repeated = seen & bit != 0;
                seen |= bit;
                is_repeated
            })
        };
        self.without_credentials()
            .filter(|(name, _)| is_extra(name))
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    /// What is kept of an unusable callback: every parameter but the credentials.
    #[must_use]
    pub fn to_rejected_content(&self) -> RejectedContent {
        RejectedContent::of_parameters(self.without_credentials())
    }

    fn without_credentials(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs
            .iter()
            .filter(|(name, _)| !is_credential(name))
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

fn is_credential(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    // The rest of `&amp;`, an ampersand escaped for HTML.
    let name = name.strip_prefix(b"amp;").unwrap_or(name);
    CREDENTIALS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

fn text(bytes: &[u8]) -> Text {
    decode_parameter(bytes).into_owned().into()
}

/// The parts before and after the first `?`, or several in a row, that separates parameters. Reads each
/// byte once, however many `?` there are.
fn split_at_stray_question_mark<'a>(
    input: &'a [u8],
    documented: &[&str],
) -> Option<(&'a [u8], &'a [u8])> {
    let separates = |after: &[u8]| {
        documented.iter().any(|name| {
            after.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        })
    };
    let mut splits = memchr::memchr_iter(b'?', input).map(|mark| input.split_at(mark + 1));
    let (before, after) = splits.find(|(_, after)| separates(after))?;
    Some((trim_end(before, b"?"), after))
}

fn split_once(input: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(separator, input) {
        Some(at) => {
            let (before, after) = input.split_at(at);
            (before, after.get(1..))
        }
        None => (input, None),
    }
}

/// `%XX` becomes a byte and `+` a blank. A `%` without two hexadecimal digits after it stays.
#[must_use]
pub fn percent_decode(input: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', input).is_none() {
        return Cow::Borrowed(input);
    }
    let mut decoded = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        decoded.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', &[high, low, ref after @ ..]) => match (hex_digit(high), hex_digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => byte,
        });
    }
    Cow::Owned(decoded)
}

fn skip_question_marks(mut input: &[u8]) -> &[u8] {
    while let [b'?', rest @ ..] = input {
        input = rest;
    }
    input
}

/// The input without any of these bytes at its end.
fn trim_end<'a>(mut input: &'a [u8], trimmed: &[u8]) -> &'a [u8] {
    while let [rest @ .., last] = input
        && trimmed.contains(last)
    {
        input = rest;
    }
    input
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
