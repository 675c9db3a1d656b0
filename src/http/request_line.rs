//! Rewrites request lines that a strict HTTP server refuses.
//!
//! Old gateways send blanks and 8-bit bytes in the query without escaping them (`message=a b`, a raw
//! `0xE9`), and `#`, which cuts the query short. hyper refuses such a line, and the callback is lost.
//! Percent-encoding these bytes before hyper reads them does not change the meaning of the line.
//!
//! A request line can be found only if the end of the request before it is certain. If the length of a
//! request is given by anything but one plain `Content-Length`, the rest of the connection passes
//! unchanged: the rewriter must never disagree with hyper about where a request ends.

/// Follows the incoming bytes of one connection, in pieces of any size.
pub(super) struct RequestLineRewriter {
    state: State,
    /// The beginning of a line whose end has not arrived.
    held: Vec<u8>,
    /// The longest line that is held. A longer one passes unchanged, and hyper refuses it.
    max_line: usize,
}

#[derive(Clone, Copy)]
enum State {
    RequestLine,
    Headers(BodyLength),
    Body(u64),
    Untouched,
}

#[derive(Clone, Copy)]
enum BodyLength {
    None,
    Bytes(u64),
    Uncertain,
}

impl RequestLineRewriter {
    pub(super) fn new(max_line: usize) -> Self {
        Self { state: State::RequestLine, held: Vec::new(), max_line }
    }

    /// Whether every request so far has arrived completely, and nothing of another one.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(self.state, State::RequestLine) && self.held.is_empty()
    }

    /// Takes the next bytes and passes what is complete to `out`: lines of a head, and any part of a body.
    pub(super) fn push(&mut self, mut input: &[u8], out: &mut impl FnMut(&[u8])) {
        while !input.is_empty() {
            input = match self.state {
                State::Untouched => {
                    out(input);
                    &[]
                }
                State::Body(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let (body, rest) = input.split_at(taken);
                    out(body);
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::RequestLine } else { State::Body(left) };
                    rest
                }
                State::RequestLine | State::Headers(_) => self.push_line(input, out),
            };
        }
    }

    /// The client has closed its side: what was held passes unchanged.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(&[u8])) {
        out(&std::mem::take(&mut self.held));
        self.state = State::Untouched;
    }

    /// Takes at most one line and returns what follows it.
    fn push_line<'i>(&mut self, input: &'i [u8], out: &mut impl FnMut(&[u8])) -> &'i [u8] {
        let line_end = memchr::memchr(b'\n', input).map(|end| end + 1);
        let (line, rest) = input.split_at(line_end.unwrap_or(input.len()));
        if self.held.len() + line.len() > self.max_line {
            self.finish(out);
            out(line);
        } else if line_end.is_none() {
            self.held.extend_from_slice(line);
        } else if self.held.is_empty() {
            self.line(line, out);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(line);
            self.line(&held, out);
        }
        rest
    }

    fn line(&mut self, line: &[u8], out: &mut impl FnMut(&[u8])) {
        let content = line.trim_ascii_end();
        self.state = match self.state {
            State::RequestLine => {
                match rewrite(line) {
                    Some(rewritten) => out(&rewritten),
                    None => out(line),
                }
                if content.is_empty() {
                    // hyper ignores blank lines before a request.
                    State::RequestLine
                } else if is_http_1(content) {
                    State::Headers(BodyLength::None)
                } else {
                    // hyper refuses it and stops reading.
                    State::Untouched
                }
            }
            State::Headers(length) => {
                out(line);
                match (content.is_empty(), length) {
                    (false, length) => State::Headers(body_length(length, line)),
                    (true, BodyLength::None | BodyLength::Bytes(0)) => State::RequestLine,
                    (true, BodyLength::Bytes(left)) => State::Body(left),
                    (true, BodyLength::Uncertain) => State::Untouched,
                }
            }
            other => other,
        };
    }
}

/// Whether a line ends like a request line of HTTP/1.
fn is_http_1(content: &[u8]) -> bool {
    let version = memchr::memrchr(b' ', content).and_then(|blank| content.get(blank + 1..));
    version.is_some_and(|version| version.starts_with(b"HTTP/1."))
}

/// What is known of the length of the body after one more header line.
fn body_length(known: BodyLength, line: &[u8]) -> BodyLength {
    let (name, value) = line.split_at(memchr::memchr(b':', line).unwrap_or(line.len()));
    if name.eq_ignore_ascii_case(b"content-length") {
        match (known, value.strip_prefix(b":").and_then(plain_number)) {
            (BodyLength::None, Some(length)) => BodyLength::Bytes(length),
            _ => BodyLength::Uncertain,
        }
    } else if name.eq_ignore_ascii_case(b"transfer-encoding")
        || line.starts_with(b" ")
        || line.starts_with(b"\t")
    {
        BodyLength::Uncertain
    } else {
        known
    }
}

/// A number of digits only.
fn plain_number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let is_plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_plain)?.parse().ok()
}

/// The line with its target percent-encoded. `None` if the target needs no encoding, or the line is not a
/// request line of HTTP/1.
fn rewrite(line: &[u8]) -> Option<Vec<u8>> {
    let content = line.trim_ascii_end();
    let target_start = memchr::memchr(b' ', content)? + 1;
    let target_end = memchr::memrchr(b' ', content)?;
    let target = content.get(target_start..target_end)?;
    let version = content.get(target_end + 1..)?;
    if !version.starts_with(b"HTTP/1.") || !target.iter().any(|byte| needs_encoding(*byte)) {
        return None;
    }
    let mut rewritten = Vec::with_capacity(line.len() + 64);
    rewritten.extend_from_slice(line.get(..target_start)?);
    for &byte in target.trim_ascii_start() {
        if needs_encoding(byte) {
            rewritten.extend([b'%', hex_digit(byte >> 4), hex_digit(byte & 0xF)]);
        } else {
            rewritten.push(byte);
        }
    }
    rewritten.extend_from_slice(line.get(target_end..)?);
    Some(rewritten)
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

/// Bytes that the `http` crate refuses in a path or a query, and `#`, where it stops reading.
fn needs_encoding(byte: u8) -> bool {
    !byte.is_ascii_graphic() || b"\"#<>`".contains(&byte)
}

#[cfg(test)]
#[path = "request_line_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "request_boundary_tests.rs"]
mod boundary_tests;
