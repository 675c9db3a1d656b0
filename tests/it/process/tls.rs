//! HTTPS by the service itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};
use crate::support::{eventually, scratch};

use testkit::configuration::free_port;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// An authority, and where the service's files are.
struct Authority {
    issuer: Issuer,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let directory = scratch("tls");
        std::fs::create_dir_all(&directory).unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Issuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let file = |name: &str| directory.join(name);
        let authority = Self {
            issuer,
            ca: file("ca.pem"),
            certificate: file("cert.pem"),
            key: file("key.pem"),
        };
        std::fs::write(&authority.ca, authority.issuer.pem()).unwrap();
        authority.issue("localhost", 2100);
        authority
    }

    /// Writes a certificate for this name, and its key.
    fn issue(&self, name: &str, until: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 2);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(&self.certificate, certificate.pem()).unwrap();
        std::fs::write(&self.key, key.serialize_pem()).unwrap();
    }

    fn settings(&self) -> [(&'static str, String); 2] {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("ROUTO_HTTP__TLS__CERTIFICATE_FILE", path(&self.certificate)),
            ("ROUTO_HTTP__TLS__KEY_FILE", path(&self.key)),
        ]
    }
}

struct World {
    authority: Authority,
    environment: Vec<(String, String)>,
    service: ServiceProcess,
    https: SocketAddr,
    _database: TestDatabase,
}

async fn world() -> World {
    let (database, authority) = (TestDatabase::create().await, Authority::new());
    let https = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let [certificate, key] = authority.settings();
    let listen = https.to_string();
    let more = [
        (certificate.0, certificate.1.as_str()),
        (key.0, key.1.as_str()),
        ("ROUTO_HTTP__TLS__LISTEN", &listen),
    ];
    let environment = with(environment(&database.url()), &more);
    let service = ServiceProcess::start(&environment).await;
    eventually("ready", || crate::support::goes_to_postgres(service.admin)).await;
    World { authority, environment, service, https, _database: database }
}

/// The result of a rehearsal: its exit code and outcome.
async fn rehearse(world: &World, host: &str, options: &str) -> (Option<i32>, serde_json::Value) {
    let url = format!("https://{host}:{}", world.https.port());
    let ca = world.authority.ca.to_str().unwrap();
    let line = format!("simulate --json --url {url} --ca {ca} {options}");
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let (code, out, why) = run(&arguments, &world.environment).await;
    (code, serde_json::from_str(&out).unwrap_or_else(|_| json!(why)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_torture_rehearsal_over_https_loses_none() {
    let world = world().await;
    let options = "--count 800 --connections 8 --seed 11 --torture --verify";
    let (code, outcome) = rehearse(&world, "localhost", options).await;
    assert_eq!(code, Some(0), "{outcome}");
    assert_eq!(outcome["answers"], json!({ "200": 800 }));
    assert_eq!((&outcome["lost"], &outcome["verification"]["rows"]), (&json!(0), &json!(800)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_certificate_is_not_trusted_is_said() {
    let world = world().await;
    world.authority.issue("other.example", 2103);
    world.service.signal(Signal::HUP);
    eventually("it is in use", async || world.service.has_logged("valid until 2103")).await;
    let (_, why) = rehearse(&world, "localhost", "--count 2").await;
    assert!(why.to_string().contains("not valid for name"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_used_without_a_restart_and_plain_http_goes_on() {
    let world = world().await;
    let one = "--count 4 --connections 1";
    assert_eq!(rehearse(&world, "127.0.0.1", one).await.0, Some(0));

    // A pair that does not fit changes nothing.
    let old = std::fs::read(&world.authority.key).unwrap();
    world.authority.issue("localhost", 2101);
    std::fs::write(&world.authority.key, old).unwrap();
    eventually("the mismatch is logged", async || {
        world.service.has_logged("the old one stays in use")
    })
    .await;
    assert_eq!(rehearse(&world, "localhost", one).await.0, Some(0));

    world.authority.issue("localhost", 2102);
    world.service.signal(Signal::HUP);
    eventually("the new one is in use", async || world.service.has_logged("valid until 2102"))
        .await;
    assert_eq!(rehearse(&world, "localhost", one).await.0, Some(0));
    let plain = get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"));
    assert_eq!(send(world.service.http, plain).await.status, 200);
    let wrong_port = send(world.https, get("/livez")).await;
    assert_eq!((wrong_port.status, wrong_port.body.contains("https://")), (400, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_never_finish_their_handshake_keep_nobody_out_nor_the_service_from_stopping()
 {
    let world = world().await;
    let mut held = Vec::new();
    // Half of a ClientHello of 64 KiB, in two records.
    let record = b"\x16\x03\x01\x40\x00";
    let begun =
        [record.as_slice(), b"\x01\x00\xFF\x00", &[0; 16_380], record, &[0; 16_384]].concat();
    for _ in 0..600 {
        let mut stream = TcpStream::connect(world.https).await.unwrap();
        let _ = stream.write_all(&begun).await;
        held.push(stream);
    }
    // They hold more than a quarter of 64 MiB: the first have been closed.
    let mut first = held.remove(0);
    let closed = tokio::time::timeout(Duration::from_secs(20), first.read_u8()).await;
    assert!(closed.expect("it is closed").is_err());
    assert_eq!(rehearse(&world, "localhost", "--count 4 --connections 1").await.0, Some(0));
    let stopping = std::time::Instant::now();
    world.service.signal(Signal::TERM);
    assert_eq!(world.service.end().await.0, Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_and_check_prints_names_and_end() {
    let authority = Authority::new();
    let nowhere = environment("postgres://routo@127.0.0.1:9/routo");
    let of = |certificate: &Path, key: &Path| {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let more = [
            ("ROUTO_HTTP__TLS__CERTIFICATE_FILE", path(certificate)),
            ("ROUTO_HTTP__TLS__KEY_FILE", path(key)),
        ];
        with(nowhere.clone(), &more.each_ref().map(|(name, value)| (*name, value.as_str())))
    };
    let (certificate, key) = (&authority.certificate, &authority.key);
    let (code, out, _) = run(&["check"], &of(certificate, key)).await;
    assert_eq!(code, Some(0));
    let line = "The certificate for HTTPS: localhost, 127.0.0.1; valid until 2100-01-02";
    assert!(out.contains(line), "{out}");
    authority.issue("localhost", 2020);
    let (code, out, _) = run(&["check"], &of(certificate, key)).await;
    assert!(code == Some(0) && out.contains("expired on 2020-01-02"), "{out}");

    let other = Authority::new();
    let missing = certificate.with_file_name("missing.pem");
    for (certificate, key, expected) in [
        (certificate, &other.key, "does not belong to the first certificate"),
        (&missing, key, "missing.pem (http.tls.certificate_file) can't be read"),
        (certificate, &missing, "missing.pem (http.tls.key_file) can't be read"),
        (key, key, "has no certificate"),
        (certificate, certificate, "has no private key"),
    ] {
        for command in ["check", "serve"] {
            let (code, _, why) = run(&[command], &of(certificate, key)).await;
            assert!(code != Some(0) && why.contains(expected), "{command}: {why}");
        }
    }
    let only = [("ROUTO_HTTP__TLS__KEY_FILE", key.to_str().unwrap())];
    let (_, _, why) = run(&["check"], &with(nowhere.clone(), &only)).await;
    assert!(why.contains("http.tls.certificate_file is not: set it too"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_in_the_place_of_the_key_is_refused_and_keeps_nobody() {
    let world = world().await;
    let key = std::fs::read(&world.authority.key).unwrap();
    std::fs::remove_file(&world.authority.key).unwrap();
    let (pipe, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, &world.authority.key, pipe, mode, 0).unwrap();
    eventually("it is refused", async || world.service.has_logged("it is not a regular file"))
        .await;
    std::fs::remove_file(&world.authority.key).unwrap();
    std::fs::write(&world.authority.key, key).unwrap();
    world.authority.issue("localhost", 2104);
    eventually("new files are read", async || world.service.has_logged("valid until 2104")).await;
    world.service.signal(Signal::TERM);
    assert_eq!(world.service.end().await.0, Some(0));
}
