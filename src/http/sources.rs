//! The source address of a request: its peer or, behind trusted proxies, the address they report.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::domain::Networks;

/// Each proxy appends the address of its client.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The last hop that is not a trusted proxy. If the header ends earlier or contains something that is not
/// an address, the last hop known.
///
/// Reads from the end, and only what trusted proxies appended: everything before may be forged.
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, trusted: Option<&Networks>) -> IpAddr {
    let mut source = peer.to_canonical();
    let Some(trusted) = trusted else { return source };
    let mut hops = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|header| header.as_bytes().rsplit(|byte| *byte == b','));
    while trusted.contains(source) {
        match hops.next().and_then(address) {
            Some(hop) => source = hop,
            None => break,
        }
    }
    source
}

/// Parses an address as proxies write it: plain, in brackets, or with a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address: Option<IpAddr> = text.parse().ok().or_else(with_port).or_else(in_brackets);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, headers: &[&str], trusted: Option<&str>) -> String {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(
                FORWARDED_FOR,
                axum::http::HeaderValue::from_bytes(header.as_bytes()).unwrap(),
            );
        }
        let trusted: Option<Networks> = trusted.map(|list| list.parse().unwrap());
        source(peer.parse().unwrap(), &map, trusted.as_ref()).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_appended_counts() {
        let proxies = Some("10.0.0.0/8, 2001:db8::/32");
        let table: [(&str, &[&str], Option<&str>, &str); 20] = [
            // Nobody is trusted, or not this peer: what it says changes nothing.
            ("10.0.0.1", &["192.0.2.1"], None, "10.0.0.1"),
            ("198.51.100.1", &["192.0.2.1"], proxies, "198.51.100.1"),
            ("198.51.100.1", &["10.0.0.2"], proxies, "198.51.100.1"),
            // A trusted one says where it was called from; what came before is the caller's word.
            ("10.0.0.1", &["192.0.2.1"], proxies, "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9, 192.0.2.1"], proxies, "192.0.2.1"),
            ("10.0.0.1", &["127.0.0.1, 10.0.0.9, 192.0.2.1"], proxies, "192.0.2.1"),
            // Several proxies.
            ("10.0.0.1", &["192.0.2.1, 10.0.0.2"], proxies, "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9,192.0.2.1 ,10.0.0.3,\t10.0.0.2"], proxies, "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1, 2001:db8::7"], proxies, "192.0.2.1"),
            // The header in several lines is one list.
            ("10.0.0.1", &["203.0.113.9", "192.0.2.1"], proxies, "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9, 192.0.2.1", "10.0.0.2"], proxies, "192.0.2.1"),
            // Nothing but proxies: the first of them.
            ("10.0.0.1", &[], proxies, "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], proxies, "10.0.0.3"),
            // What is no address ends it.
            ("10.0.0.1", &["unknown"], proxies, "10.0.0.1"),
            ("10.0.0.1", &[""], proxies, "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, , 10.0.0.2"], proxies, "10.0.0.2"),
            ("10.0.0.1", &["192.0.2.1, \u{e9}, 10.0.0.2"], proxies, "10.0.0.2"),
            // However an address is written.
            ("::ffff:10.0.0.1", &["::ffff:192.0.2.1"], proxies, "192.0.2.1"),
            ("2001:db8::1", &["[2001:db9::1]:443, 10.0.0.2:80"], proxies, "2001:db9::1"),
            ("10.0.0.1", &["[2001:db9::1]"], proxies, "2001:db9::1"),
        ];
        for (peer, headers, trusted, expected) in table {
            assert_eq!(found(peer, headers, trusted), expected, "{peer} {headers:?} {trusted:?}");
        }
    }
}
