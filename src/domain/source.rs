//! Where a callback came from.

use std::net::IpAddr;

/// How a callback came, and from which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub transport: Transport,
    /// The address of the sender; behind a trusted proxy, the one that the proxy reports.
    pub remote_addr: IpAddr,
}

/// How a callback came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    HttpGet,
    HttpPost,
}

impl Transport {
    const ALL: [Self; 2] = [Self::HttpGet, Self::HttpPost];

    /// The name in the column `transport`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HttpGet => "http-get",
            Self::HttpPost => "http-post",
        }
    }

    /// The transport with this [name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.as_str() == name)
    }
}
