//! An HTTP response, as much of it as the gateway reads.

use super::failure::Failure;

/// The most headers that a response may have.
const MAX_HEADERS: usize = 64;

/// A response that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The status line and headers, including the empty line.
    pub head: Vec<u8>,
    /// The body. Without a `Content-Length`, only the part that arrived together with the head.
    pub body: Vec<u8>,
}

/// What the status line and headers say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes up to the body.
    pub(super) length: usize,
    pub(super) body: BodyLength,
    pub(super) keep_alive: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    Bytes(usize),
    /// Chunked, or delimited by the end of the connection. The status is known, so the body is not
    /// awaited, and the connection can't be reused.
    Unknown,
}

impl Head {
    /// `None`: the head is incomplete.
    pub(super) fn parse(received: &[u8]) -> Result<Option<Self>, Failure> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let length = match answer.parse(received) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Failure::NotHttp),
        };
        let status = answer.code.ok_or(Failure::NotHttp)?;
        let mut body = if matches!(status, 100..=199 | 204 | 304) {
            BodyLength::Bytes(0)
        } else {
            BodyLength::Unknown
        };
        let mut keep_alive = answer.version == Some(1);
        for header in answer.headers.iter() {
            // A value that is not text is neither a length nor "close".
            let value = String::from_utf8_lossy(header.value);
            let value = value.trim();
            if header.name.eq_ignore_ascii_case("content-length") {
                body = BodyLength::Bytes(value.parse().map_err(|_| Failure::NotHttp)?);
            } else if header.name.eq_ignore_ascii_case("connection") {
                let mut words = value.split(',').map(str::trim);
                keep_alive &= !words.any(|word| word.eq_ignore_ascii_case("close"));
            }
        }
        Ok(Some(Self { status, length, body, keep_alive }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_the_status_the_body_length_and_whether_the_connection_stays_open() {
        use BodyLength::{Bytes, Unknown};
        let table = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", (200, Bytes(2), true)),
            ("HTTP/1.1 200 OK\r\n\r\n", (200, Unknown, true)),
            ("HTTP/1.0 503 Busy\r\ncontent-length: 0\r\n\r\n", (503, Bytes(0), false)),
            ("HTTP/1.1 204 None\r\nConnection: x, Close\r\n\r\n", (204, Bytes(0), false)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (200, Unknown, true)),
        ];
        for (text, expected) in table {
            let head = Head::parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!(head.length, text.len());
            assert_eq!((head.status, head.body, head.keep_alive), expected, "{text}");
        }
    }

    #[test]
    fn an_incomplete_head_is_awaited_and_what_is_not_http_is_refused() {
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-"), Ok(None));
        for text in ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n"] {
            assert_eq!(Head::parse(text.as_bytes()), Err(Failure::NotHttp), "{text}");
        }
    }
}
