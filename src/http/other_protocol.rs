//! Recognises connections that do not speak HTTP by their first bytes.

/// What a client speaks in place of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherProtocol {
    /// A TLS handshake.
    Tls,
    /// The PROXY protocol of load balancers, version 1 or 2.
    Proxy,
    Unknown,
}

/// The beginning of a header of the PROXY protocol, version 2.
const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

impl OtherProtocol {
    /// `None` if the first bytes of a connection may be HTTP.
    pub(super) fn of(first: &[u8]) -> Option<Self> {
        match first {
            [0x16, ..] => Some(Self::Tls),
            [b'P', ..] if first.starts_with(b"PROXY ") => Some(Self::Proxy),
            [b'\r', ..] if first.starts_with(PROXY_2) => Some(Self::Proxy),
            [b'\r' | b'\n', ..] | [] => None,
            [byte, ..] => (!byte.is_ascii_graphic()).then_some(Self::Unknown),
        }
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Tls => {
                "a TLS handshake on a port for plain HTTP: register the URL with http://, use the port of http.tls.listen, or put a proxy for HTTPS in front"
            }
            Self::Proxy => {
                "a header of the PROXY protocol: turn it off in the load balancer, and let it send X-Forwarded-For"
            }
            Self::Unknown => "bytes that are not HTTP: check what connects to this port",
        }
    }
}
