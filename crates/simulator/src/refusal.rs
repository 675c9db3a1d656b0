//! Who refused a callback, and why: the service, or a proxy in front of it.

use std::fmt;

use super::answer::{Answer, MAX_HEADERS};

/// Characters of a header or a reason that are kept.
const MAX_CHARS: usize = 200;

/// A response other than 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// `X-Request-Id`, if it is one of the service's (a UUID of version 7).
    pub request_id: Option<String>,
    /// The header `Server`, which proxies send and the service does not.
    pub server: Option<String>,
    /// The text of the service's response. That of a proxy is left out: it may repeat the URL, which
    /// has the token in it.
    pub reason: Option<String>,
}

impl Refusal {
    /// `None` for an answer of 200.
    #[must_use]
    pub fn of(answer: &Answer) -> Option<Self> {
        if answer.status == 200 {
            return None;
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&answer.head).expect("the head was parsed before");
        let header = |name: &str| {
            let header = parsed.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
            Some(shortened(&String::from_utf8_lossy(header.value)))
        };
        let request_id = header("x-request-id").filter(|id| is_uuid_v7(id));
        let body = String::from_utf8_lossy(&answer.body);
        let reason = request_id.is_some().then(|| shortened(body.lines().next().unwrap_or("")));
        Some(Self { status: answer.status, request_id, server: header("server"), reason })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, request_id, server, reason } = self;
        write!(f, "{status} from ")?;
        match (request_id, server) {
            (Some(id), _) => write!(f, "the service (X-Request-Id {id})")?,
            (None, Some(server)) => write!(f, "a proxy (Server: {server}; no X-Request-Id)")?,
            (None, None) => {
                f.write_str(
                    "a proxy, or the service before it read the request (no X-Request-Id)",
                )?;
            }
        }
        match reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(MAX_CHARS).collect()
}

fn is_uuid_v7(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'7',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, headers: &str, body: &str) -> Option<String> {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}\r\n").into_bytes();
        Refusal::of(&Answer { status, head, body: body.into() }).map(|refusal| refusal.to_string())
    }

    #[test]
    fn the_service_is_told_from_a_proxy_by_its_request_id() {
        let ours = "X-Request-Id: 01a20dd8-b9e5-73a6-88d8-8f2f58631eb9\r\n";
        assert_eq!(refusal(200, ours, "OK"), None);
        assert_eq!(
            refusal(401, ours, "wrong or missing credentials\nmore").unwrap(),
            "401 from the service (X-Request-Id 01a20dd8-b9e5-73a6-88d8-8f2f58631eb9): \
             wrong or missing credentials"
        );
        assert_eq!(
            refusal(400, "Server: Caddy\r\n", "/delivery-reports/secret?").unwrap(),
            "400 from a proxy (Server: Caddy; no X-Request-Id)"
        );
        let theirs = "X-Request-Id: 2c94b6a1-9b1f-4a55-8a3e-4f3a3c1f2b7d\r\n";
        assert!(refusal(502, theirs, "secret").unwrap().starts_with("502 from a proxy, or the"));
    }
}
