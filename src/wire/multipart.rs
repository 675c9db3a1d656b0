//! The parts of a `multipart/form-data` body (RFC 7578), as lenient as with any form: line ends may be
//! LF, the final delimiter may be missing, a file is a text like others.

use std::borrow::Cow;

use memchr::memmem::Finder;

use crate::domain::DeclaredCharset;

use super::body::{BodyType, header_parameter};
use super::percent::percent_decode_only;

/// A part: the name and the value of a parameter.
pub(super) struct Part<'a> {
    /// Empty where the part has none.
    pub(super) name: Vec<u8>,
    pub(super) value: &'a [u8],
    pub(super) charset: Option<DeclaredCharset>,
}

/// The parts of a body. Where the boundary is unknown or occurs nowhere, the first line that begins
/// with `--` is taken for it. Empty where there is none.
pub(super) fn parts<'a>(
    body: &'a [u8],
    boundary: Option<&[u8]>,
) -> impl Iterator<Item = Part<'a>> + use<'a> {
    let declared = boundary
        .filter(|boundary| !boundary.is_empty())
        .map(|boundary| Delimiters::new(body, &[b"--", boundary].concat()))
        .filter(|delimiters| delimiters.clone().next().is_some());
    let delimiters = declared.or_else(|| Some(Delimiters::new(body, first_delimiter(body)?)));
    Parts { body, delimiters, begin: None }.map(part)
}

fn first_delimiter(body: &[u8]) -> Option<&[u8]> {
    let line = body.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"--"))?;
    let delimiter = line.trim_ascii_end();
    (delimiter.len() > 2).then_some(delimiter)
}

struct Parts<'a> {
    body: &'a [u8],
    delimiters: Option<Delimiters<'a>>,
    /// Where the next part begins, behind its delimiter.
    begin: Option<usize>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let delimiters = self.delimiters.as_mut()?;
        let begin = match self.begin.take() {
            Some(begin) => begin,
            None => match delimiters.next()? {
                Delimiter { is_final: true, .. } => return None,
                Delimiter { end, .. } => end,
            },
        };
        let Some(delimiter) = delimiters.next() else {
            self.delimiters = None;
            let rest = self.body.get(begin..)?;
            return (!rest.trim_ascii().is_empty()).then(|| without_line_end(rest));
        };
        if delimiter.is_final {
            self.delimiters = None;
        } else {
            self.begin = Some(delimiter.end);
        }
        self.body.get(begin..delimiter.start).map(without_line_end)
    }
}

#[derive(Clone, Copy)]
struct Delimiter {
    start: usize,
    /// Behind the line end.
    end: usize,
    is_final: bool,
}

/// The lines that are delimiters.
#[derive(Clone)]
struct Delimiters<'a> {
    body: &'a [u8],
    finder: Finder<'static>,
    position: usize,
}

impl<'a> Delimiters<'a> {
    fn new(body: &'a [u8], delimiter: &[u8]) -> Self {
        Self { body, finder: Finder::new(delimiter).into_owned(), position: 0 }
    }
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let start = self.position + self.finder.find(self.body.get(self.position..)?)?;
            let behind = start + self.finder.needle().len();
            self.position = behind;
            let at_line_start =
                start.checked_sub(1).is_none_or(|at| self.body.get(at) == Some(&b'\n'));
            // Looked at first: each line is read to its end once.
            if !at_line_start {
                continue;
            }
            let rest = self.body.get(behind..)?;
            let is_final = rest.starts_with(b"--");
            let line = memchr::memchr(b'\n', rest);
            let to_line_end = rest.get(..line.unwrap_or(rest.len()))?;
            if is_final || to_line_end.trim_ascii().is_empty() {
                let end = line.map_or(self.body.len(), |line| behind + line + 1);
                self.position = end;
                return Some(Delimiter { start, end, is_final });
            }
        }
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn part(mut rest: &[u8]) -> Part<'_> {
    let mut part = Part { name: Vec::new(), value: b"", charset: None };
    while !rest.is_empty() {
        let (line, after) = header_line(rest);
        rest = after;
        if line.trim_ascii().is_empty() {
            break;
        }
        if let Some(value) = header_value(line, b"content-disposition") {
            part.name = name(value);
        } else if let Some(value) = header_value(line, b"content-type") {
            part.charset = BodyType::new(Some(value), None).charset;
        }
    }
    part.value = rest;
    part
}

/// A header with the lines that continue it (RFC 5322, section 2.2.3), or an empty line; and what follows.
fn header_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends = memchr::memchr_iter(b'\n', bytes).map(|end| bytes.split_at(end));
    let mut lines = ends.map(|(line, after)| (line, after.get(1..).unwrap_or_default()));
    let is_whole = |(line, after): &(&[u8], &[u8])| {
        line.trim_ascii().is_empty() || !after.starts_with(b" ") && !after.starts_with(b"\t")
    };
    lines.find(is_whole).unwrap_or((bytes, b""))
}

fn header_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memchr(b':', line)?;
    let (found, value) = line.split_at(at);
    found.trim_ascii().eq_ignore_ascii_case(name).then(|| value.get(1..).unwrap_or_default())
}

/// Browsers percent-encode quotes and line ends in a name; others all of it.
fn name(disposition: &[u8]) -> Vec<u8> {
    if let Some(name) = header_parameter(disposition, b"name") {
        return decoded(name);
    }
    // RFC 5987: charset'language'value.
    let extended = header_parameter(disposition, b"name*").unwrap_or_default();
    let value = extended.rsplit(|byte| *byte == b'\'').next().unwrap_or_default();
    decoded(value.to_vec())
}

fn decoded(name: Vec<u8>) -> Vec<u8> {
    match percent_decode_only(&name) {
        Cow::Borrowed(_) => name,
        Cow::Owned(decoded) => decoded,
    }
}
