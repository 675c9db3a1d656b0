//! Parameters from query string and body, together, as bytes.
//!
//! The gateway's document puts the parameters of a `POST` into the query string in one place and into
//! the form body in another (sections 7.1, 7.1.1, 7.1.2). So both are read, and form one list.

use std::borrow::Cow;

use form_urlencoded::byte_serialize;

use crate::domain::{CallbackKind, DeclaredCharset};

use super::body::{BodyType, Format, UnreadableBody};
use super::documented::documented;
use super::names::{is_credential, plain};
pub use super::percent::percent_decode;
use super::text::{declared_charset, decode_parameter};
use super::{json, multipart};

/// The most parameters of a request. Where there are more, the last one is [`REST`]: the cost is
/// bounded, and nothing is dropped.
pub const MAX_PARAMETERS: usize = 256;

/// The name of a parameter that nobody sends. Its value is the rest of a request with too many
/// parameters, as it arrived, without credentials.
pub const REST: &str = "&";

/// The parameter that names the charset of a form (HTML, section 4.10.22.5).
pub(super) const CHARSET: &str = "_charset_";

/// A name and a value, borrowed where nothing has to be decoded.
pub(super) type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The parts of a request that have parameters.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What was appended to the path: see [`ReportPath`](super::ReportPath).
    pub path: &'a [u8],
    pub query: &'a [u8],
    pub body_type: &'a BodyType,
    pub body: &'a [u8],
}

/// The decoded parameters of a request in their order: those of the path, the query and the body.
///
/// A parameter is looked up by its exact name, else by one that differs only in letter case, in
/// surrounding blanks and NULs, or in what stands before it where `&amp;` was sent for `&`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params<'a> {
    pub(super) kind: CallbackKind,
    pub(super) pairs: Vec<Pair<'a>>,
    charset: Option<DeclaredCharset>,
    unreadable: Option<UnreadableBody>,
}

impl<'a> Params<'a> {
    /// Reads the parameters of a request that is a callback of this kind.
    #[must_use]
    pub fn read(kind: CallbackKind, input: Input<'a>) -> Self {
        let Input { path, query, body_type, body } = input;
        let mut params = Self::empty(kind);
        params.charset = body_type.charset;
        params.extend_by_query(path);
        params.extend_by_query(query);
        let is_form = |body: &[u8]| has_documented_parameter(kind, body);
        match &*body_type.format_of(body, is_form) {
            Format::Form => params.extend(trim_end(body, b"\r\n")),
            Format::Multipart { boundary } => params.extend_by_parts(body, boundary.as_deref()),
            Format::Json => params.extend_by_members(body, body_type),
            Format::Unreadable(unreadable) => params.unreadable = Some(*unreadable),
        }
        params.find_charset();
        params
    }

    /// Reads a query string and an `application/x-www-form-urlencoded` body.
    #[must_use]
    pub fn parse(kind: CallbackKind, query: &'a [u8], form: &'a [u8]) -> Self {
        let mut params = Self::empty(kind);
        params.extend_by_query(query);
        params.extend(trim_end(form, b"\r\n"));
        params.find_charset();
        params
    }

    fn empty(kind: CallbackKind) -> Self {
        Self { kind, pairs: Vec::with_capacity(8), charset: None, unreadable: None }
    }

    /// Why the body could not be read, if so. The parameters of a JSON body are there nevertheless, but
    /// the callback is unusable.
    #[must_use]
    pub fn unreadable_body(&self) -> Option<UnreadableBody> {
        self.unreadable
    }

    /// The charset that the request declares.
    pub(super) fn charset(&self) -> Option<DeclaredCharset> {
        self.charset
    }

    fn find_charset(&mut self) {
        if self.charset.is_none() {
            self.charset = self.first(CHARSET).and_then(declared_charset);
        }
    }

    /// Some gateways append their parameters with a second `?` to a URL that has a query already. So a
    /// `?` in front of a documented name and `=` separates like `&`. Line ends after a body are ignored.
    fn extend_by_query(&mut self, query: &'a [u8]) {
        let documented = documented(self.kind);
        let mut rest = skip_question_marks(query);
        while let Some((before, after)) = split_at_stray_question_mark(rest, documented) {
            self.extend(before);
            rest = after;
        }
        self.extend(rest);
    }

    fn extend_by_parts(&mut self, body: &'a [u8], boundary: Option<&[u8]>) {
        let before = self.pairs.len();
        for part in multipart::parts(body, boundary) {
            self.charset = self.charset.or(part.charset);
            self.push(Cow::Owned(part.name), Cow::Borrowed(part.value));
        }
        if self.pairs.len() == before && !body.trim_ascii().is_empty() {
            self.unreadable = Some(UnreadableBody::Type("multipart without any part"));
        }
    }

    fn extend_by_members(&mut self, body: &'a [u8], declared: &BodyType) {
        let Some(members) = json::members(body) else {
            // A form that begins like JSON, if it is not declared as JSON.
            match declared.format {
                Format::Form => self.extend(trim_end(body, b"\r\n")),
                _ => self.unreadable = Some(UnreadableBody::Type("application/json")),
            }
            return;
        };
        if members
            .iter()
            .all(|(name, value)| name.is_empty() && matches!(&**value, "" | "null" | "[]"))
        {
            return;
        }
        self.unreadable = Some(UnreadableBody::Type("application/json"));
        for (name, value) in members {
            self.push(Cow::Owned(name.into_bytes()), Cow::Owned(value.into_bytes()));
        }
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

    fn push(&mut self, name: Cow<'a, [u8]>, value: Cow<'a, [u8]>) {
        if self.pairs.len() + 1 < MAX_PARAMETERS {
            self.pairs.push((name, value));
        } else if !is_credential(&name) {
            let pair: String =
                byte_serialize(&name).chain(["="]).chain(byte_serialize(&value)).collect();
            self.append_to_rest(Cow::Owned(pair.into_bytes()));
        }
    }

    fn keep_rest(&mut self, input: &'a [u8]) {
        for pair in input.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, _) = split_once(pair, b'=');
            if !is_credential(&percent_decode(name)) {
                self.append_to_rest(Cow::Borrowed(pair));
            }
        }
    }

    /// Appends to [`REST`], the last parameter, for which one place is left.
    fn append_to_rest(&mut self, pair: Cow<'a, [u8]>) {
        if self.pairs.len() < MAX_PARAMETERS {
            self.pairs.push((Cow::Borrowed(REST.as_bytes()), pair));
        } else if let Some((_, rest)) = self.pairs.last_mut() {
            let rest = rest.to_mut();
            rest.push(b'&');
            rest.extend_from_slice(&pair);
        }
    }

    /// The first value of the parameter; the others are extra.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.position(name).and_then(|at| self.pairs.get(at)).map(|(_, value)| value.as_ref())
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let name = name.as_bytes();
        let exact = self.pairs.iter().position(|(found, _)| found.as_ref() == name);
        exact.or_else(|| {
            let is_named =
                |found: &[u8]| found.len() >= name.len() && plain(found).eq_ignore_ascii_case(name);
            self.pairs.iter().position(|(found, _)| is_named(found))
        })
    }

    /// [`first`](Self::first) as text.
    pub(super) fn first_text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.first(name).map(|value| decode_parameter(value, self.charset))
    }
}

/// Whether the bytes, as a form, have a parameter of the gateway's document.
fn has_documented_parameter(kind: CallbackKind, form: &[u8]) -> bool {
    form.split(|byte| *byte == b'&').any(|pair| {
        let (name, value) = split_once(pair, b'=');
        let name = percent_decode(name);
        let is_named = |known: &&str| plain(&name).eq_ignore_ascii_case(known.as_bytes());
        value.is_some() && documented(kind).iter().any(is_named)
    })
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
