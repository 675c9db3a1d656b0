//! Why an attempt got no response.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Failure {
    #[error("the connection was refused")]
    Refused,
    /// The connection was made, but the certificate is not trusted, or the peer does not speak TLS.
    #[error("the TLS handshake failed")]
    Tls,
    #[error("the connection was closed or reset before the answer")]
    Closed,
    /// The same on a reused connection: the service closed it while the next request was on its way.
    #[error("a kept connection was closed or reset before the answer")]
    KeptClosed,
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is not HTTP")]
    NotHttp,
}

impl Failure {
    /// The name in JSON output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::Closed => "closed",
            Self::KeptClosed => "kept-closed",
            Self::TimedOut => "timed-out",
            Self::NotHttp => "not-http",
        }
    }
}
