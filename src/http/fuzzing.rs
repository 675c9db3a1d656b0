//! What holds for any bytes that arrive on a connection. They are rewritten and then read by hyper, as in
//! the service; no two readers disagree about where a request ends.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics"
)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::wire::params::percent_decode;

use super::request_line::RequestLineRewriter;

/// The smallest that the configuration allows, in bytes.
const MAX_HEAD: usize = 8192;

/// A request as a reader understood it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    method: Vec<u8>,
    target: Vec<u8>,
    body: Vec<u8>,
}

/// The first byte is the size of the pieces in which the others arrive.
pub fn requests(bytes: &[u8]) {
    let Some((&size, raw)) = bytes.split_first() else { return };
    let rewritten = rewrite(raw, raw.len());
    assert_eq!(rewrite(raw, usize::from(size)), rewritten, "the result depends on the pieces");
    assert!(rewritten.len() <= raw.len() * 3, "a byte became more than %XX");
    let seen = by_hyper(&rewritten);
    reads_what_was_sent(&seen, raw);
    loses_nothing_that_hyper_reads_alone(&seen, &by_hyper(raw), raw);
}

fn rewrite(raw: &[u8], size: usize) -> Vec<u8> {
    let mut rewriter = RequestLineRewriter::new(MAX_HEAD);
    let mut passed = Vec::new();
    for piece in raw.chunks(size.max(1)) {
        rewriter.push(piece, &mut |bytes| passed.extend_from_slice(bytes));
    }
    rewriter.finish(&mut |bytes| passed.extend_from_slice(bytes));
    passed
}

/// While it is certain where requests end, hyper sees exactly the requests that were sent, in their order.
/// A request that only one of two readers sees is how requests are smuggled.
fn reads_what_was_sent(seen: &[Seen], raw: &[u8]) {
    let (sent, is_certain) = plainly_read(raw);
    for (seen, sent) in seen.iter().zip(&sent) {
        assert_eq!((&seen.method, &seen.body), (&sent.method, &sent.body));
        if sent.target.starts_with(b"/") && sent.target.len() < MAX_HEAD {
            assert_eq!(percent_decode(&seen.target), percent_decode(&sent.target));
        }
    }
    assert!(!is_certain || seen.len() <= sent.len(), "hyper sees more requests than were sent");
}

/// hyper reads every request that it reads without the rewriter. The exception is a `#` in a host, outside
/// of path and query: alone, hyper cuts the URL there; encoded, it refuses it.
fn loses_nothing_that_hyper_reads_alone(seen: &[Seen], unaided: &[Seen], raw: &[u8]) {
    let cuts_host = |sent: &Seen| !sent.target.starts_with(b"/") && sent.target.contains(&b'#');
    if plainly_read(raw).0.iter().any(cuts_host) {
        return;
    }
    assert!(seen.len() >= unaided.len());
    for (seen, unaided) in seen.iter().zip(unaided) {
        assert_eq!((&seen.method, &seen.body), (&unaided.method, &unaided.body));
    }
}

/// The requests by the plainest reading, until one is incomplete or its length is not a single plain
/// `Content-Length`; and whether these are all requests.
fn plainly_read(mut rest: &[u8]) -> (Vec<Seen>, bool) {
    let mut requests = Vec::new();
    loop {
        while let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
            rest = after;
        }
        let mut lines = Vec::new();
        let mut is_whole = false;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            is_whole = line.trim_ascii().is_empty();
            if is_whole {
                break;
            }
            lines.push(line);
        }
        let Some((first, headers)) = lines.split_first().filter(|_| is_whole) else {
            return (requests, true);
        };
        let Some(length) = plain_length(headers) else { return (requests, false) };
        let Some((body, after)) = rest.split_at_checked(length) else { return (requests, true) };
        rest = after;
        let content = first.trim_ascii_end();
        let blank = |byte: &u8| *byte == b' ';
        let start = content.iter().position(blank).unwrap_or(content.len());
        let end = content.iter().rposition(blank).unwrap_or(start).max(start);
        requests.push(Seen {
            method: content[..start].to_vec(),
            target: content[start..end].trim_ascii_start().to_vec(),
            body: body.to_vec(),
        });
    }
}

fn plain_length(headers: &[&[u8]]) -> Option<usize> {
    let mut length = None;
    for header in headers {
        let colon = header.iter().position(|byte| *byte == b':').unwrap_or(header.len());
        let (name, value) = header.split_at(colon);
        if name.trim_ascii().eq_ignore_ascii_case(b"transfer-encoding")
            || name.first().is_some_and(|byte| b" \t".contains(byte))
        {
            return None;
        }
        if name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(value.get(1..)?.trim_ascii()).ok()?;
            let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            if !is_plain || length.is_some() {
                return None;
            }
            length = Some(value.parse().ok()?);
        }
    }
    Some(length.unwrap_or(0))
}

/// The complete requests that hyper finds, configured as in `server`.
fn by_hyper(bytes: &[u8]) -> Vec<Seen> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (mut client, server) = duplex(64 * 1024);
        let service = service_fn(|request: Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let (head, body) = request.into_parts();
                if let Ok(body) = body.collect().await {
                    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
                        method: head.method.as_str().into(),
                        target: target.into(),
                        body: body.to_bytes().into(),
                    });
                }
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        let serving = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .half_close(true)
            .serve_connection(TokioIo::new(server), service);
        let (mut answers, mut sender) = tokio::io::split(&mut client);
        let sending = async {
            // The server may have closed.
            let _ = sender.write_all(bytes).await;
            let _ = sender.shutdown().await;
        };
        let mut sink = Vec::new();
        let reading = async {
            let _ = answers.read_to_end(&mut sink).await;
        };
        let _ = tokio::join!(serving, sending, reading);
    });
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}
