//! A callback over a socket, from its first byte to its answer, with a committer that commits to nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use routo_receiver::accounts::{Accounts, Credentials, EncodingOverrides, Rotated};
use routo_receiver::domain::EventKeySource;
use routo_receiver::http::{self, AccessPolicy, CallbackState, ConnectionLimits, Endpoint};
use routo_receiver::ingest::internals::start_without_postgres;
use routo_receiver::memory::MemoryBudget;
use routo_receiver::metrics::{Listener, Metrics};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::case::Case;

const MIB: usize = 1024 * 1024;

pub fn all() -> [Case; 2] {
    let report = "GET /delivery-reports/token-0123456789?mess_id=20260131120000-0042&status=0\
        &number=447700900123 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let form = "user=gateway&pass=password&dcs=0&org=447700900123&dest=447700900000&message=Hello";
    let message = format!(
        "POST /inbound-messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    [("callback/report", report.to_owned()), ("callback/message", message)].map(
        |(name, request)| {
            let mut connection = connect();
            let mut answer = [0; 1_024];
            let run = Box::new(move || {
                connection.write_all(request.as_bytes()).unwrap();
                let length = connection.read(&mut answer).unwrap();
                assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{name}");
            });
            Case { name, run }
        },
    )
}

/// A connection to a service on a thread of its own.
fn connect() -> TcpStream {
    let (sender, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let metrics = Metrics::default();
            let ingest = start_without_postgres();
            ingest.until_postgres().await;
            sender.send(listener.local_addr().unwrap()).unwrap();
            http::serve(
                vec![Endpoint { socket: listener, tls: None }],
                http::public_router(state(ingest, &metrics)),
                limits(),
                Arc::new(EventKeySource::system()),
                metrics.http.listener(Listener::Http, 16),
                CancellationToken::new(),
            )
            .await;
        });
    });
    let connection = TcpStream::connect(address.recv().unwrap()).unwrap();
    connection.set_nodelay(true).unwrap();
    connection
}

fn state(ingest: routo_receiver::ingest::IngestHandle, metrics: &Metrics) -> CallbackState {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let (password, token) = (secret("password"), secret("token-0123456789"));
    let account = Credentials {
        name: "main".parse().unwrap(),
        login: Some(("gateway", Rotated { current: Some(&password), previous: None })),
        report_token: Rotated { current: Some(&token), previous: None },
        allowed_sources: None,
        encodings: EncodingOverrides::default(),
    };
    CallbackState {
        accounts: Accounts::new([account]),
        access: AccessPolicy::new(None),
        ingest,
        max_body_bytes: MIB,
        max_unauthenticated_body_bytes: MIB,
        memory: MemoryBudget::new(64 * MIB),
        request_timeout: Duration::from_secs(5),
        metrics: metrics.clone(),
    }
}

fn limits() -> ConnectionLimits {
    ConnectionLimits {
        max_connections: 16,
        max_head_bytes: 16 * 1024,
        max_unauthenticated_bytes: MIB,
        head_timeout: Duration::from_mins(10),
        idle_timeout: Duration::from_mins(10),
        shutdown_timeout: Duration::from_secs(1),
    }
}
