//! Where callbacks are sent: the addresses behind a URL, the path prefix, and the TLS settings.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use url::{Host, Url};

use super::failure::Failure;
use super::stream::Stream;

/// How long each step of [`Destination::reach`] may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why callbacks can't be sent to a URL.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// Not an HTTP URL. The message does not repeat it: it may contain credentials.
    #[error(
        "not a URL that callbacks can be sent to; write http://HOST:PORT or https://HOST, and the path before /inbound-messages if there is one"
    )]
    Url,
    #[error("the host '{host}' can't be found")]
    Unresolved { host: String, source: io::Error },
    #[error("no certificates can be read from {}", path.display())]
    Certificates { path: PathBuf, source: pem::Error },
    /// The file holds something other than certificates of authorities.
    #[error("the certificates of the trusted authorities can't be used")]
    Tls(#[from] rustls::Error),
    #[error("{authority} accepts no connection; is the service running there?")]
    Refused { authority: String, source: io::Error },
    /// The source says what is wrong with the certificate.
    #[error(
        "the TLS handshake with {authority} failed; the host in the URL has to be a name in its certificate, and --ca FILE trusts another authority"
    )]
    Handshake { authority: String, source: io::Error },
}

/// A service that callbacks are sent to.
#[derive(Clone)]
pub struct Destination {
    addresses: Vec<SocketAddr>,
    authority: String,
    prefix: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Destination {
    /// Resolves the host of an `http` or `https` URL, once. The service's certificate must be issued by
    /// an authority that this machine trusts, or one in the file `ca`.
    pub async fn resolve(url: &str, ca: Option<&Path>) -> Result<Self, DestinationError> {
        let parsed = Url::parse(url).map_err(|_| DestinationError::Url)?;
        let plain = parsed.username().is_empty()
            && parsed.password().is_none()
            && parsed.query().is_none()
            && parsed.fragment().is_none();
        let secure = match parsed.scheme() {
            "https" if plain => true,
            "http" if plain => false,
            _ => return Err(DestinationError::Url),
        };
        let host = parsed.host().ok_or(DestinationError::Url)?.to_owned();
        let port = parsed.port_or_known_default().ok_or(DestinationError::Url)?;
        let authority = match parsed.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self {
            addresses: addresses(&host, port).await?,
            authority,
            prefix: parsed.path().trim_end_matches('/').to_owned(),
            tls: if secure { Some(tls(&host, ca)?) } else { None },
        })
    }

    /// Host, and port unless it is the scheme's default: the value of the header `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path before that of each callback: empty, or beginning with `/` and not ending with it.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Connects once and closes the connection, to find out what is wrong before a run.
    pub async fn reach(&self) -> Result<(), DestinationError> {
        let authority = || self.authority.clone();
        let connected = async { TcpStream::connect(&*self.addresses).await };
        let tcp = in_time(connected)
            .await
            .map_err(|source| DestinationError::Refused { authority: authority(), source })?;
        in_time(self.secured(tcp))
            .await
            .map_err(|source| DestinationError::Handshake { authority: authority(), source })?;
        Ok(())
    }

    /// Connects to the first address that accepts.
    pub(super) async fn connect(&self) -> Result<Stream, Failure> {
        let tcp = TcpStream::connect(&*self.addresses).await.map_err(|_| Failure::Refused)?;
        // Without it, requests are only slower.
        let _ = tcp.set_nodelay(true);
        self.secured(tcp).await.map_err(|_| Failure::Tls)
    }

    async fn secured(&self, tcp: TcpStream) -> io::Result<Stream> {
        Ok(match &self.tls {
            None => Stream::Plain(tcp),
            Some((connector, name)) => {
                Stream::Tls(Box::new(connector.connect(name.clone(), tcp).await?))
            }
        })
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self {
            addresses: vec![address],
            authority: address.to_string(),
            prefix: String::new(),
            tls: None,
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

async fn in_time<T>(connected: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, connected).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn addresses(host: &Host, port: u16) -> Result<Vec<SocketAddr>, DestinationError> {
    let name = match host {
        Host::Ipv4(address) => return Ok(vec![(*address, port).into()]),
        Host::Ipv6(address) => return Ok(vec![(*address, port).into()]),
        Host::Domain(name) => name,
    };
    let found = lookup_host((name.as_str(), port)).await;
    found
        .map(Iterator::collect)
        .map_err(|source| DestinationError::Unresolved { host: name.clone(), source })
}

fn tls(
    host: &Host,
    ca: Option<&Path>,
) -> Result<(TlsConnector, ServerName<'static>), DestinationError> {
    let mut roots = RootCertStore::empty();
    // Certificates that can't be read are not trusted; a machine may have none at all.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let unreadable = |source| DestinationError::Certificates { path: path.to_owned(), source };
        let known = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?)?;
        }
        if roots.len() == known {
            return Err(unreadable(pem::Error::NoItemsFound));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = match host {
        Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
        Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
        Host::Domain(name) => {
            ServerName::try_from(name.clone()).map_err(|_| DestinationError::Url)?
        }
    };
    Ok((TlsConnector::from(Arc::new(config)), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_gives_the_address_the_host_header_and_the_path_in_front() {
        let table = [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080", ""),
            ("http://127.0.0.1/", "127.0.0.1:80", "127.0.0.1", ""),
            ("https://[::1]:8443/sms/", "[::1]:8443", "[::1]:8443", "/sms"),
            ("https://127.0.0.1/a/b", "127.0.0.1:443", "127.0.0.1", "/a/b"),
        ];
        for (url, address, authority, prefix) in table {
            let destination = Destination::resolve(url, None).await.unwrap();
            assert_eq!(destination.addresses, [address.parse().unwrap()], "{url}");
            assert_eq!(
                (destination.authority(), destination.prefix()),
                (authority, prefix),
                "{url}"
            );
            assert_eq!(destination.tls.is_some(), url.starts_with("https"));
        }
    }

    #[tokio::test]
    async fn what_is_not_the_url_of_a_service_is_refused() {
        for url in ["sms.example.com", "ftp://a", "http://", "http://u:p@a", "http://a/?b", ""] {
            let error = Destination::resolve(url, None).await.unwrap_err();
            assert!(matches!(error, DestinationError::Url), "{url}: {error}");
        }
    }
}
