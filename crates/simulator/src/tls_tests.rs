//! Deliveries over TLS to a service whose authority is known only from a file.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// Answers 200 to every request without a body. Returns its URL, and the file of its authority.
async fn service(directory: &std::path::Path) -> (String, PathBuf) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let ca = directory.join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();

    let key = KeyPair::generate().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = Vec::new();
                while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                        stream.write_all(answer).await.unwrap();
                        stream.flush().await.unwrap();
                    }
                }
            });
        }
    });
    (format!("https://localhost:{port}"), ca)
}

#[tokio::test]
async fn a_service_is_believed_when_its_authority_is_known_and_not_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let (url, ca) = service(directory.path()).await;
    let behaviour = Behaviour { attempts: 1, ..Behaviour::default() };
    let by_address = url.replace("localhost", "127.0.0.1");
    for (url, ca, expected) in [
        (&url, Some(&*ca), Ok(200)),
        (&by_address, Some(&*ca), Ok(200)),
        (&url, None, Err(Failure::Tls)),
        (&url.replace("https", "http"), None, Err(Failure::NotHttp)),
    ] {
        let destination = Destination::resolve(url, ca).await.unwrap();
        let mut sender = Sender::new(destination, behaviour);
        for _ in 0..2 {
            let report = Callback::report("/r", "m", 0, "1");
            let delivery = sender.deliver(&report).await;
            let outcome = delivery.attempts[0].outcome;
            let plain = expected == Err(Failure::NotHttp) && outcome == Err(Failure::Closed);
            assert!(outcome == expected || plain, "{url}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_file_without_certificates_trusts_nobody_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, "no certificate").unwrap();
    let error = Destination::resolve("https://127.0.0.1", Some(&ca)).await.unwrap_err();
    assert!(matches!(error, DestinationError::Certificates { .. }), "{error}");
}
