//! The certificate of the HTTPS listener: read from its files, and read again when they change.

mod certificate;
mod reload;

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;

pub use certificate::{Certificate, CertificateFiles};
pub use reload::ReloadedCertificate;

/// Why a certificate can't be used. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} ({key}) can't be read: check the path and who may read it", path.display())]
    Unreadable { key: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{} (http.tls.certificate_file) has no certificate: use the certificate and its chain in PEM form",
        path.display()
    )]
    NoCertificate { path: PathBuf },
    #[error(
        "{} (http.tls.key_file) has no private key: use the key of the certificate in PEM form, without a passphrase",
        path.display()
    )]
    NoKey { path: PathBuf },
    #[error(
        "the key in {} (http.tls.key_file) does not belong to the first certificate in {} (http.tls.certificate_file): use the files of one certificate, with its own before its chain",
        key.display(),
        certificate.display()
    )]
    KeyDoesNotFit { certificate: PathBuf, key: PathBuf },
    #[error(
        "the certificate in {} and the key in {} can't be used",
        certificate.display(),
        key.display()
    )]
    Unusable { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("the certificate in {} can't be parsed", path.display())]
    Unparsable { path: PathBuf },
}
