//! The configurations of deploy/nginx and deploy/apache, with Debian's nginx and Apache, in front of a
//! service that runs as a process.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;
use testkit::configuration::{LOGIN, TOKEN, free_port};
use testkit::eventually;
use testkit::postgres::TestDatabase;
use testkit::process::Process;
use testkit::scratch;
use testkit::service::Service;

use tokio::process::Command;

use crate::curl::{Answered, curl, stored};
use crate::engine::run;
use crate::proxy_programs::Kind;

const HOST: &str = "sms.example.com";

struct Proxied {
    _proxy: Process,
    service: Service,
    running: Option<Process>,
    database: TestDatabase,
    directory: PathBuf,
    plain_port: u16,
    tls_port: u16,
}

impl Proxied {
    async fn start(kind: Kind) -> Self {
        let database = TestDatabase::create().await;
        let trusted = [("ROUTO_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
        let service = Service::new(&database.url(), &scratch("data"), &trusted);
        let running = Some(service.start().await);
        let directory = scratch("proxy");
        fs::create_dir_all(&directory).unwrap();
        certificate(&directory);
        let (plain_port, tls_port) = (free_port(), free_port());
        let here = directory.to_str().unwrap();
        let substitutions = [
            (format!("/etc/letsencrypt/live/{HOST}"), here.to_owned()),
            ("/var/log/nginx".to_owned(), here.to_owned()),
            ("127.0.0.1:8080".to_owned(), service.http.to_string()),
            ("listen 443".to_owned(), format!("listen 127.0.0.1:{tls_port}")),
            ("listen 80".to_owned(), format!("listen 127.0.0.1:{plain_port}")),
            ("<VirtualHost *:443>".to_owned(), format!("<VirtualHost *:{tls_port}>")),
            ("<VirtualHost *:80>".to_owned(), format!("<VirtualHost *:{plain_port}>")),
            ("DocumentRoot /var/www/html".to_owned(), String::new()),
        ];
        let lines = kind.deployed().lines().filter(|line| !line.contains("listen [::]"));
        let mut configuration = lines.collect::<Vec<_>>().join("\n");
        for (deployed, tested) in substitutions {
            configuration = configuration.replace(&deployed, &tested);
        }
        fs::write(directory.join("routo-receiver.conf"), configuration).unwrap();
        let main = directory.join("main.conf");
        fs::write(&main, kind.main(here, plain_port, tls_port)).unwrap();
        let mut proxy = Process::spawn(kind.command(main.to_str().unwrap()));
        eventually("the proxy accepts connections", async || {
            proxy.must_run();
            tokio::net::TcpStream::connect(("127.0.0.1", tls_port)).await.is_ok()
        })
        .await;
        Self { _proxy: proxy, service, running, database, directory, plain_port, tls_port }
    }

    async fn curl(&self, arguments: &[&str]) -> Answered {
        let tls = format!("::127.0.0.1:{}", self.tls_port);
        let authority = self.directory.join("authority.pem");
        curl(&authority, &[&["--connect-to", &tls], arguments].concat()).await
    }

    async fn mess_ids(&self) -> serde_json::Value {
        let sql = "select coalesce(jsonb_agg(mess_id order by received_at, id), '[]') from delivery_reports";
        self.database.value(sql).await
    }

    /// All that the proxy has logged.
    fn log(&self) -> String {
        let files = ["main.log", "routo-receiver.log", "routo-receiver.error.log"];
        files.map(|name| fs::read_to_string(self.directory.join(name)).unwrap_or_default()).concat()
    }
}

/// Writes an authority's certificate, and one for [`HOST`] with its key, as certbot names them.
fn certificate(directory: &Path) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "an authority of the tests");
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let ours = CertificateParams::new([HOST.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(directory.join("authority.pem"), issuer.pem()).unwrap();
    fs::write(directory.join("fullchain.pem"), ours.pem()).unwrap();
    fs::write(directory.join("privkey.pem"), key.serialize_pem()).unwrap();
}

fn report(mess_id: &str) -> String {
    format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=447700900001")
}

fn url(target: &str) -> String {
    format!("https://{HOST}{target}")
}

async fn both_callbacks_are_rows_with_the_clients_address(kind: Kind) {
    let proxied = Proxied::start(kind).await;
    let forged = ["--header", "X-Forwarded-For: 203.0.113.9"];
    let report = url(&report("proxied"));
    assert_eq!(proxied.curl(&[&forged[..], &[&report]].concat()).await, stored());
    let form = format!("{LOGIN}&dcs=0&org=447700900001&dest=447700900100&message=Hello+%A3");
    let messages = url("/inbound-messages");
    assert_eq!(
        proxied.curl(&[&forged[..], &["--data", &form, &messages]].concat()).await,
        stored()
    );
    let rows = "select remote_addr, mess_id as content from delivery_reports
                union all select remote_addr, message from inbound_messages order by content desc";
    assert_eq!(
        proxied.database.query(rows).await,
        json!([
            { "remote_addr": "127.0.0.1", "content": "proxied" },
            { "remote_addr": "127.0.0.1", "content": "Hello £" },
        ])
    );
}

async fn other_hosts_and_plain_http_get_an_error_and_no_host_is_served(kind: Kind) {
    let proxied = Proxied::start(kind).await;
    let report = report("elsewhere");
    let https = url(&report);
    let plain = format!("http://127.0.0.1:{}{report}", proxied.plain_port);
    let other = "Host: other.example.com";
    assert_eq!(proxied.curl(&["--header", other, &https]).await.status, 421);
    let old = ["--http1.0", "--no-alpn", "--header"];
    assert_eq!(proxied.curl(&[&old[..], &[other, &https]].concat()).await.status, 421);
    let ours = format!("Host: {HOST}");
    for arguments in [&["--header", &ours, &plain][..], &[&plain]] {
        let mut direct = Command::new("curl");
        direct.args(["--silent", "--write-out", "%{http_code}", "--output", "/dev/null"]);
        assert_eq!(run(direct.args(arguments)).await.1, "403", "{arguments:?}");
    }
    assert_eq!(proxied.mess_ids().await, json!([]));
    let mut expected = vec!["elsewhere"];
    let hostless = proxied.curl(&[&old[..], &["Host:", &https]].concat()).await;
    match kind {
        Kind::Nginx => {
            assert_eq!(hostless, stored());
            expected.push("elsewhere");
        }
        // Apache requires a Host of a client that sends SNI.
        Kind::Apache => assert_eq!(hostless.status, 400),
    }
    // A client without SNI: curl sends none for an address.
    let address = format!("https://127.0.0.1{report}");
    let without_sni = [&old[..], &["Host:", "--insecure", &address]].concat();
    assert_eq!(proxied.curl(&without_sni).await, stored());
    assert_eq!(proxied.mess_ids().await, json!(expected));
}

async fn what_a_gateway_leaves_unescaped_is_passed_but_for_blanks(kind: Kind) {
    let proxied = Proxied::start(kind).await;
    // curl sends the target as it is.
    let ask = async |mess_id: &str| {
        let (target, url) = (report(mess_id), url("/"));
        proxied.curl(&["--http1.1", "--path-as-is", "--request-target", &target, &url]).await
    };
    let mut passed = vec!["é", "a;b", "a\"b", "<a>|{b}", "100%"];
    let mut refused = vec!["a b"];
    match kind {
        Kind::Nginx => passed.push("a#b"),
        Kind::Apache => refused.push("a#b"),
    }
    for mess_id in &passed {
        assert_eq!(ask(mess_id).await, stored(), "{mess_id}");
    }
    for mess_id in refused {
        assert_eq!(ask(mess_id).await.status, 400, "{mess_id}");
    }
    assert_eq!(proxied.mess_ids().await, json!(passed));
    // As long as the service accepts it.
    assert_eq!(ask(&"x".repeat(60_000)).await, stored());
}

async fn nothing_secret_is_logged_and_a_restarted_service_is_used_at_once(kind: Kind) {
    let mut proxied = Proxied::start(kind).await;
    let report = report("never-logged");
    let message = format!("/inbound-messages?{LOGIN}&org=4477&dest=4478&message=never-logged");
    assert_eq!(proxied.curl(&[&url(&report)]).await, stored());
    assert_eq!(proxied.curl(&["--request", "POST", &url(&message)]).await, stored());
    assert_eq!(proxied.curl(&["--referer", &url(&report), &url("/livez")]).await.status, 200);
    assert_eq!(proxied.curl(&[&url(&format!("/x{report}"))]).await.status, 404);
    for target in [format!("{report} b"), format!("http://x{report}"), format!("/%zz{report}")] {
        proxied.curl(&["--http1.1", "--path-as-is", "--request-target", &target, &url("/")]).await;
    }
    let plain = format!("http://127.0.0.1:{}{report}", proxied.plain_port);
    let mut direct = Command::new("curl");
    run(direct.args(["--silent", &plain])).await;

    drop(proxied.running.take());
    let answered = proxied.curl(&[&url(&report)]).await;
    assert!([502, 503].contains(&answered.status), "{answered:?}");
    proxied.running = Some(proxied.service.start().await);
    assert_eq!(proxied.curl(&[&url(&report)]).await, stored());

    let log = proxied.log();
    let lines = log.matches(" GET /delivery-reports ").count();
    assert!(lines >= 3 && log.contains(" POST /inbound-messages 200 "), "{log}");
    for secret in [TOKEN, "never-logged", "mess_id", "main-p", "?"] {
        assert!(!log.contains(secret), "{secret} is logged: {log}");
    }
}

macro_rules! of_each_proxy {
    ($($proof:ident: $nginx:ident $apache:ident;)*) => {
        $(
            pub async fn $nginx() {
                $proof(Kind::Nginx).await;
            }
            pub async fn $apache() {
                $proof(Kind::Apache).await;
            }
        )*
    };
}

of_each_proxy! {
    both_callbacks_are_rows_with_the_clients_address:
        nginx_passes_both_callbacks_with_the_clients_address
        apache_passes_both_callbacks_with_the_clients_address;
    other_hosts_and_plain_http_get_an_error_and_no_host_is_served:
        nginx_answers_other_hosts_and_plain_http_with_an_error_and_serves_no_host
        apache_answers_other_hosts_and_plain_http_with_an_error_and_serves_no_host;
    what_a_gateway_leaves_unescaped_is_passed_but_for_blanks:
        nginx_passes_what_a_gateway_leaves_unescaped_but_for_blanks
        apache_passes_what_a_gateway_leaves_unescaped_but_for_blanks;
    nothing_secret_is_logged_and_a_restarted_service_is_used_at_once:
        nginx_logs_nothing_secret_and_uses_a_restarted_service_at_once
        apache_logs_nothing_secret_and_uses_a_restarted_service_at_once;
}
