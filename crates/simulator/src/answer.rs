//! An HTTP answer, as far as a gateway looks at it.

use super::connection::Failure;

/// Headers that an answer may have.
const MAX_HEADERS: usize = 64;

/// An answer that was read in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, up to its last line end.
    pub head: Vec<u8>,
    /// The body, where the head told its length; else what of it was there with the head.
    pub body: Vec<u8>,
}

/// What the head of an answer says.
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
    /// Chunked, or up to the end of the connection. The status is there, so nobody waits for it;
    /// the connection can't be used again.
    Untold,
}

impl Head {
    /// `None`: there is more to come.
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
            BodyLength::Untold
        };
        let mut keep_alive = answer.version == Some(1);
        for header in answer.headers.iter() {
            let value = str::from_utf8(header.value).unwrap_or_default().trim();
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
    fn a_head_tells_the_status_the_body_and_whether_the_connection_stays() {
        use BodyLength::{Bytes, Untold};
        let table = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", (200, Bytes(2), true)),
            ("HTTP/1.1 200 OK\r\n\r\n", (200, Untold, true)),
            ("HTTP/1.0 503 Busy\r\ncontent-length: 0\r\n\r\n", (503, Bytes(0), false)),
            ("HTTP/1.1 204 None\r\nConnection: x, Close\r\n\r\n", (204, Bytes(0), false)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (200, Untold, true)),
        ];
        for (text, expected) in table {
            let head = Head::parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!(head.length, text.len());
            assert_eq!((head.status, head.body, head.keep_alive), expected, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_head_is_waited_for_and_what_is_no_head_is_not() {
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-"), Ok(None));
        for text in ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n"] {
            assert_eq!(Head::parse(text.as_bytes()), Err(Failure::NotHttp), "{text}");
        }
    }
}
