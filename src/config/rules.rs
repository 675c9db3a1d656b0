//! The rules between keys that are valid one by one.

use std::net::SocketAddr;

use super::problem::Problem;
use super::reader::Reader;
use super::settings::{AdminSettings, HttpSettings, IngestSettings, SpoolSettings, TlsSettings};

/// The spool holds at least this many of the largest requests.
const MIN_SPOOLED_REQUESTS: u64 = 8;

/// `http.max_buffered_bytes` holds at least this many of the largest requests. One request takes up to 14 of
/// the three quarters for authenticated requests: a byte becomes at most 6 (a control character, escaped in
/// JSON), an event is charged twice, and buffers have up to twice the size of what they hold.
const MIN_BUFFERED_REQUESTS: u64 = 20;

/// Notes each broken rule between sections that were read.
pub(super) fn check(
    reader: &mut Reader,
    http: Option<&HttpSettings>,
    admin: Option<&AdminSettings>,
    ingest: Option<&IngestSettings>,
    spool: Option<&SpoolSettings>,
) {
    let Some(http) = http else { return };
    if let Some(admin) = admin
        && collide(http.listen, admin.listen)
    {
        reader.problems.push(Problem::SamePort {
            port: http.listen.port(),
            http_origin: reader.origin("http.listen"),
            admin_origin: reader.origin("admin.listen"),
        });
    }
    if let Some(ingest) = ingest
        && ingest.commit_deadline >= http.request_timeout
    {
        reader.problems.push(Problem::CommitDeadline {
            commit_deadline: ingest.commit_deadline,
            commit_origin: reader.origin("ingest.commit_deadline"),
            request_timeout: http.request_timeout,
            request_origin: reader.origin("http.request_timeout"),
        });
    }
    let mut holds = |key, bytes, requests| {
        let largest = (http.max_head_bytes + http.max_body_bytes) as u64;
        let needed = requests * largest;
        if bytes < needed {
            let (origin, body_origin) = (reader.origin(key), reader.origin("http.max_body_bytes"));
            let problem =
                Problem::TooSmallForRequests { key, bytes, origin, largest, body_origin, needed };
            reader.problems.push(problem);
        }
    };
    holds("http.max_buffered_bytes", http.max_buffered_bytes as u64, MIN_BUFFERED_REQUESTS);
    if let Some(spool) = spool {
        holds("spool.max_bytes", spool.max_bytes, MIN_SPOOLED_REQUESTS);
    }
}

/// Notes one of the two files without the other.
pub(super) fn check_tls(reader: &mut Reader, tls: Option<&TlsSettings>) {
    let Some(TlsSettings { certificate_file, key_file, .. }) = tls else { return };
    let (certificate, key) = ("http.tls.certificate_file", "http.tls.key_file");
    let (given, missing) = match (certificate_file, key_file) {
        (Some(_), None) => (certificate, key),
        (None, Some(_)) => (key, certificate),
        _ => return,
    };
    reader.problems.push(Problem::IncompleteLogin {
        given: given.to_owned(),
        origin: reader.origin(given),
        missing: missing.to_owned(),
    });
}

/// Whether two listeners want the same port. Port 0 is any free one.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}
