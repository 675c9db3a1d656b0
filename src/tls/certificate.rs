//! A certificate and its key, checked.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use time::macros::format_description;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::TlsError;

/// Where the certificate, with its chain, and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What the files contain.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl CertificateFiles {
    pub(super) fn contents(&self) -> Result<Contents, TlsError> {
        let read = |key, path: &Path| {
            let path = path.to_owned();
            read_file(&path).map_err(|source| TlsError::Unreadable { key, path, source })
        };
        Ok(Contents {
            certificate: read("http.tls.certificate_file", &self.certificate)?,
            key: read("http.tls.key_file", &self.key)?,
        })
    }
}

/// Reads a regular file. Reading a pipe would wait for a writer.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// A certificate whose key fits.
pub struct Certificate {
    pub(super) certified_key: Arc<CertifiedKey>,
    /// The DNS names and addresses that it is for.
    names: Vec<String>,
    not_after: OffsetDateTime,
}

impl Certificate {
    pub fn read(files: &CertificateFiles) -> Result<Self, TlsError> {
        Self::parse(files, &files.contents()?)
    }

    /// `files` are for the texts of errors.
    pub(super) fn parse(files: &CertificateFiles, contents: &Contents) -> Result<Self, TlsError> {
        let CertificateFiles { certificate, key } = files.clone();
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(&contents.certificate).collect();
        let Ok(chain) = chain else { return Err(TlsError::Unparsable { path: certificate }) };
        let Some(own) = chain.first() else {
            return Err(TlsError::NoCertificate { path: certificate });
        };
        let (names, not_after) =
            names_and_end(own).ok_or(TlsError::Unparsable { path: certificate.clone() })?;
        let private_key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| TlsError::NoKey { path: key.clone() })?;
        match CertifiedKey::from_der(chain, private_key, &ring::default_provider()) {
            Ok(certified_key) => {
                Ok(Self { certified_key: Arc::new(certified_key), names, not_after })
            }
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(TlsError::KeyDoesNotFit { certificate, key })
            }
            Err(source) => Err(TlsError::Unusable { certificate, key, source }),
        }
    }

    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.not_after < OffsetDateTime::now_utc()
    }
}

/// In place of the names.
const NO_NAME: &str = "no subjectAltName, so clients that check the name refuse it";

/// The names and the end of its validity.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = if self.names.is_empty() { NO_NAME.to_owned() } else { self.names.join(", ") };
        let day = format_description!("[year]-[month]-[day]");
        let end = self.not_after.format(day).map_err(|_| fmt::Error)?;
        let state = if self.has_expired() { "expired on" } else { "valid until" };
        write!(f, "{names}; {state} {end}")
    }
}

fn names_and_end(certificate: &CertificateDer<'_>) -> Option<(Vec<String>, OffsetDateTime)> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let alternatives = parsed.subject_alternative_name().ok()?;
    let names = alternatives.into_iter().flat_map(|names| &names.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.escape_debug().to_string()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    Some((names.collect(), parsed.validity().not_after.to_datetime()))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}
