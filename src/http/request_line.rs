//! Mends request lines that a strict HTTP server refuses.
//!
//! Old gateways put blanks and 8-bit bytes into the query string unescaped (`message=a b`, a raw
//! `0xE9`), and `#`, which would cut the query short. hyper rightly refuses such a line, and the
//! callback would be lost. Percent-encoding those bytes, before hyper sees them, changes nothing
//! that the line means.
//!
//! To know where a request line starts, the end of the request before it must be known for certain.
//! Where a request's length is given in any way but one plain `Content-Length`, the rest of the
//! connection passes untouched: this code must never disagree with hyper about where a request ends.

/// Follows one connection's incoming bytes, whatever pieces they come in.
pub(super) struct RequestLineRewriter {
    state: State,
    /// The beginning of a line whose end has not come yet.
    held: Vec<u8>,
    /// The longest line that is held; a longer one passes untouched, for hyper to refuse.
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

    /// Takes the next bytes, gives to `out` what may pass. Lines of a head pass when they are whole.
    pub(super) fn push(&mut self, mut input: &[u8], out: &mut impl FnMut(&[u8])) {
        while !input.is_empty() {
            let taken = match self.state {
                State::Untouched => {
                    out(input);
                    input.len()
                }
                State::Body(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    out(input.get(..taken).unwrap_or_default());
                    let left = left.saturating_sub(taken as u64);
                    self.state = if left == 0 { State::RequestLine } else { State::Body(left) };
                    taken
                }
                State::RequestLine | State::Headers(_) => self.push_line(input, out),
            };
            input = input.get(taken..).unwrap_or_default();
        }
    }

    /// The connection's other side has ended: what was held passes as it is.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(&[u8])) {
        out(&std::mem::take(&mut self.held));
        self.state = State::Untouched;
    }

    fn push_line(&mut self, input: &[u8], out: &mut impl FnMut(&[u8])) -> usize {
        let end = memchr::memchr(b'\n', input).map_or(input.len(), |end| end + 1);
        let line = input.get(..end).unwrap_or_default();
        let is_whole = line.last() == Some(&b'\n');
        if self.held.len() + line.len() > self.max_line {
            self.finish(out);
            out(line);
        } else if !is_whole {
            self.held.extend_from_slice(line);
        } else if self.held.is_empty() {
            self.line(line, out);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(line);
            self.line(&held, out);
        }
        line.len()
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
                    // hyper allows blank lines in front of a request.
                    State::RequestLine
                } else if is_http_1(content) {
                    State::Headers(BodyLength::None)
                } else {
                    // hyper refuses it, and reads no more.
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

/// Whether a line ends as a request line of HTTP/1 does.
fn is_http_1(content: &[u8]) -> bool {
    let version = memchr::memrchr(b' ', content).and_then(|blank| content.get(blank + 1..));
    version.is_some_and(|version| version.starts_with(b"HTTP/1."))
}

/// What is known of the body's length after one more header line.
fn body_length(known: BodyLength, line: &[u8]) -> BodyLength {
    let colon = memchr::memchr(b':', line).unwrap_or(line.len());
    let (name, value) = line.split_at(colon);
    if name.eq_ignore_ascii_case(b"content-length") {
        let digits = value.get(1..).unwrap_or_default().trim_ascii();
        let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let length =
            std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|d| d.parse().ok());
        match (known, length) {
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

/// The line with its target percent-encoded where that is needed; `None` if it is well as it is, or
/// is no HTTP/1 request line at all.
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
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
            rewritten.extend([b'%', digit(byte >> 4), digit(byte & 0xF)]);
        } else {
            rewritten.push(byte);
        }
    }
    rewritten.extend_from_slice(line.get(target_end..)?);
    Some(rewritten)
}

/// What the `http` crate does not accept in a path or a query, and `#`, where it would stop reading.
fn needs_encoding(byte: u8) -> bool {
    !byte.is_ascii_graphic() || b"\"#<>`".contains(&byte)
}

#[cfg(test)]
#[path = "request_line_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "request_boundary_tests.rs"]
mod boundary_tests;
