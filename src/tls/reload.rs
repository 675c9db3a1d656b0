//! The certificate in use. New connections use a new certificate; open ones keep theirs.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

use crate::error_chain::Chain;

use super::certificate::Contents;
use super::{Certificate, CertificateFiles, TlsError};

/// How often the files are read. They are small.
const INTERVAL: Duration = Duration::from_secs(2);

/// A certificate that is read again when its files change.
pub struct ReloadedCertificate {
    files: CertificateFiles,
    current: Arc<CurrentCertificate>,
    loaded: Contents,
}

struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for CurrentCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentCertificate").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl ReloadedCertificate {
    /// Reads the files for the first time.
    pub fn read(files: CertificateFiles) -> Result<Self, TlsError> {
        let loaded = files.contents()?;
        let certificate = Certificate::parse(&files, &loaded)?;
        log_in_use(&certificate);
        let current =
            Arc::new(CurrentCertificate(RwLock::new(Arc::clone(&certificate.certified_key))));
        Ok(Self { files, current, loaded })
    }

    /// Accepts TLS 1.2 and 1.3, always with the certificate in use.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<CurrentCertificate>::clone(&self.current);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the files every few seconds and on SIGHUP, until `stop`. Keeps the certificate in use while
    /// new files can't be used.
    pub async fn keep(mut self, stop: CancellationToken) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut failed: Option<(bool, String)> = None;
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = hangup.recv() => true,
                () = sleep(INTERVAL) => false,
            };
            let files = self.files.clone();
            let read = spawn_blocking(move || {
                let contents = files.contents()?;
                let parsed = Certificate::parse(&files, &contents);
                parsed.map(|certificate| (contents, certificate))
            });
            // An error is a panic, which has been logged.
            let Ok(read) = read.await else { continue };
            match read {
                Ok((contents, certificate)) => {
                    failed = None;
                    if contents != self.loaded {
                        self.use_certificate(contents, &certificate);
                    } else if asked {
                        log_in_use(&certificate);
                    }
                }
                Err(error) => {
                    let text = Chain(&error).to_string();
                    // The files may be about to be replaced, one after the other: it is logged when it is
                    // still so the next time, and once.
                    match &mut failed {
                        Some((logged, before)) if *before == text => {
                            if !*logged || asked {
                                tracing::warn!(
                                    error = text,
                                    "the new certificate for HTTPS can't be used; the old one stays in use"
                                );
                            }
                            *logged = true;
                        }
                        other => *other = Some((false, text)),
                    }
                }
            }
        }
    }

    fn use_certificate(&mut self, contents: Contents, certificate: &Certificate) {
        let mut current = self.current.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(&certificate.certified_key);
        drop(current);
        self.loaded = contents;
        log_in_use(certificate);
    }
}

fn log_in_use(certificate: &Certificate) {
    if certificate.has_expired() {
        tracing::warn!(%certificate, "the certificate for HTTPS has expired: renew it");
    } else {
        tracing::info!(%certificate, "the certificate for HTTPS is in use");
    }
}
