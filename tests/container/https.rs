//! The service behind Caddy, with the configuration in deploy/caddy.

use std::fs;
use std::path::PathBuf;

use sqlx::Connection;
use testcontainers::core::{AccessMode, IntoContainerPort, Mount};
use testcontainers::{GenericImage, ImageExt};
use tokio::task::JoinHandle;

use crate::curl::{Answered, curl, stored};
use crate::deployment::{Container, Deployment};
use crate::engine::{logs, try_docker, version_of};
use testkit::configuration::free_port;
use testkit::configuration::{LOGIN, PASSWORD, TOKEN};
use testkit::eventually;
use testkit::scratch;

struct Proxied {
    caddy: Container,
    deployment: Deployment,
    plain_port: u16,
    tls_port: u16,
    /// The certificate of the proxy's own authority.
    authority: PathBuf,
}

impl Proxied {
    async fn start() -> Self {
        Self::start_with_plain("refused").await
    }

    /// `plain` is the value of `PLAIN_HTTP`.
    async fn start_with_plain(plain: &str) -> Self {
        let deployment = Deployment::start().await;
        let (plain_port, tls_port) = (free_port(), free_port());
        let configuration = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/caddy");
        let mount = Mount::bind_mount(configuration, "/etc/caddy");
        let request = GenericImage::new("caddy", version_of("CADDY_VERSION"))
            .with_mapped_port(plain_port, 80.tcp())
            .with_mapped_port(tls_port, 443.tcp())
            .with_mount(mount.with_access_mode(AccessMode::ReadOnly))
            .with_env_var("PLAIN_HTTP", plain)
            .with_env_var("RECEIVER", format!("{}-receiver:8080", deployment.leavings.id));
        let caddy = deployment.run("caddy", request).await;
        let authority = scratch("authority");
        fs::create_dir_all(authority.parent().unwrap()).unwrap();
        let from = format!("{}:/data/caddy/pki/authorities/local/root.crt", caddy.id());
        eventually("the proxy has an authority", async || {
            try_docker(&["cp", &from, authority.to_str().unwrap()]).await.0 == Some(0)
        })
        .await;
        let proxied = Self { caddy, deployment, plain_port, tls_port, authority };
        eventually("the proxy answers", async || {
            let url = proxied.url("/livez");
            let mut curl = tokio::process::Command::new("curl");
            curl.args(["--silent", "--fail", "--cacert"]).arg(&proxied.authority).arg(url);
            crate::engine::run(&mut curl).await.0 == Some(0)
        })
        .await;
        proxied
    }

    fn url(&self, target: &str) -> String {
        format!("https://localhost:{}{target}", self.tls_port)
    }

    async fn get(&self, target: &str) -> Answered {
        curl(&self.authority, &[&self.url(target)]).await
    }

    async fn rows(&self, sql: &'static str) -> Vec<String> {
        let mut connection = self.deployment.connect().await;
        let rows = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }

    async fn mess_ids(&self) -> Vec<String> {
        self.rows("select mess_id from delivery_reports order by received_at, id").await
    }
}

fn report(mess_id: &str) -> String {
    format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=447700900123")
}

pub async fn both_callbacks_over_https_are_rows() {
    let proxied = Proxied::start().await;
    assert_eq!(proxied.get(&report("over-https")).await, stored());
    let basic = format!("gateway:{PASSWORD}");
    let url = proxied.url("/delivery-reports?mess_id=by-login&status=0&number=447700900123");
    assert_eq!(curl(&proxied.authority, &["--user", &basic, &url]).await, stored());
    let form = format!("{LOGIN}&dcs=0&org=441&dest=447&message=Hello+%A3");
    let url = proxied.url("/inbound-messages");
    assert_eq!(curl(&proxied.authority, &["--data", &form, &url]).await, stored());
    assert_eq!(proxied.mess_ids().await, ["over-https", "by-login"]);
    let messages = "select org || ' ' || dest || ' ' || message from inbox";
    assert_eq!(proxied.rows(messages).await, ["441 447 Hello £"]);
}

/// Caddy refuses blanks in a request line, whatever its configuration.
pub async fn the_proxy_passes_what_a_gateway_leaves_unescaped_but_for_blanks() {
    let proxied = Proxied::start().await;
    // curl sends the target unchanged.
    let ask = async |mess_id: &str| {
        let target = report(mess_id);
        let url = proxied.url("/");
        let arguments = ["--http1.1", "--path-as-is", "--request-target", &target, &url];
        curl(&proxied.authority, &arguments).await
    };
    for mess_id in ["é", "a#b", "a;b", "a\"b", "<a>|{b}"] {
        assert_eq!(ask(mess_id).await, stored(), "{mess_id}");
    }
    assert_eq!(ask("a b").await.status, 400);
    assert_eq!(proxied.mess_ids().await, ["é", "a#b", "a;b", "a\"b", "<a>|{b}"]);
}

pub async fn a_restart_of_the_service_is_waited_for_by_the_proxy() {
    let proxied = Proxied::start().await;
    let container = proxied.deployment.receiver();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let (authority, url) = (proxied.authority.clone(), proxied.url(&report("meanwhile")));
    let asking: JoinHandle<u32> = tokio::spawn(async move {
        let mut stored_so_far = 0;
        while !*stopped.borrow_and_update() {
            assert_eq!(curl(&authority, &[&url]).await, stored());
            stored_so_far += 1;
        }
        stored_so_far
    });
    container.stop_with_timeout(Some(30)).await.unwrap();
    container.start().await.unwrap();
    proxied.deployment.until_in_postgres().await;
    stop.send(true).unwrap();
    let stored_so_far = asking.await.unwrap();
    assert_eq!(proxied.mess_ids().await.len(), usize::try_from(stored_so_far).unwrap());
}

/// A 200 for a callback that is not passed on would lose it.
pub async fn no_other_host_is_answered_200_by_the_proxy() {
    let proxied = Proxied::start().await;
    let report = report("elsewhere");
    let plain = format!("http://127.0.0.1:{}{report}", proxied.plain_port);
    let (https, other) = (proxied.url(&report), "Host: other.example.com");
    let asked: [(&[&str], u16); 4] = [
        (&["--header", other, &https], 421),
        (&["--header", other, "--http1.1", &https], 421),
        (&["--header", other, &plain], 403),
        (&[&plain], 403),
    ];
    for (arguments, expected) in asked {
        let answered = curl(&proxied.authority, arguments).await;
        assert_eq!(answered.status, expected, "{arguments:?}");
    }
    assert!(proxied.mess_ids().await.is_empty());
}

pub async fn a_gateway_that_sends_no_host_is_served() {
    let proxied = Proxied::start().await;
    let url = proxied.url(&report("hostless"));
    // Such a gateway sends no ALPN either.
    let old = ["--http1.0", "--no-alpn", "--header", "Host:", &url];
    assert_eq!(curl(&proxied.authority, &old).await, stored());
    assert_eq!(proxied.mess_ids().await, ["hostless"]);
}

/// Old gateways do not follow a redirect, so it would lose the callback.
pub async fn plain_http_is_refused_unless_it_is_asked_for() {
    let refusing = Proxied::start().await;
    let target = report("plain");
    let url = format!("http://localhost:{}{target}", refusing.plain_port);
    assert_eq!(curl(&refusing.authority, &[&url]).await.status, 403);
    assert!(refusing.mess_ids().await.is_empty());
    drop(refusing);

    let taking = Proxied::start_with_plain("taken").await;
    let url = format!("http://localhost:{}{target}", taking.plain_port);
    assert_eq!(curl(&taking.authority, &[&url]).await, stored());
    let other = ["--header", "Host: other.example.com", &url];
    assert_eq!(curl(&taking.authority, &other).await.status, 421);
    assert_eq!(taking.mess_ids().await, ["plain"]);
}

pub async fn the_proxy_logs_neither_queries_nor_tokens() {
    let proxied = Proxied::start().await;
    let report = report("never-logged");
    let mut asked = 0;
    let mut ask = async |arguments: &[&str]| {
        asked += 1;
        curl(&proxied.authority, arguments).await.status
    };
    let https = proxied.url("");
    // The registered URL, with a slash too many, and mistyped ones.
    assert_eq!(ask(&[&proxied.url(&report)]).await, 200);
    assert_eq!(ask(&[&format!("{https}/{report}")]).await, 200);
    assert_eq!(ask(&[&format!("{https}/%64{}", &report[2..])]).await, 404);
    assert_eq!(ask(&[&format!("{https}/x{report}")]).await, 404);
    assert_eq!(
        ask(&["--http1.1", "--request-target", &format!("http://x{report}"), &https]).await,
        421
    );
    assert_eq!(ask(&["--referer", &proxied.url(&report), &proxied.url("/livez")]).await, 200);
    assert_eq!(ask(&[&format!("http://localhost:{}{report}", proxied.plain_port)]).await, 403);
    let message = format!("/inbound-messages?{LOGIN}&org=441&dest=447&message=never-logged");
    assert_eq!(ask(&["--request", "POST", &proxied.url(&message)]).await, 200);
    let basic = format!("gateway:{PASSWORD}");
    assert_eq!(
        ask(&["--user", &basic, &proxied.url("/delivery-reports?mess_id=never-logged")]).await,
        400
    );
    // The proxy's own error messages contain the request, too.
    proxied.deployment.receiver().stop_with_timeout(Some(30)).await.unwrap();
    assert_eq!(ask(&[&proxied.url(&report)]).await, 502);

    let log = logs(proxied.caddy.id()).await;
    assert!(log.matches("handled request").count() >= asked, "the proxy logs each request");
    assert!(log.contains(r#""uri":"/delivery-reports""#) && log.contains("http.log.error"));
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, basic);
    let secrets = [TOKEN, "never-logged", "mess_id", PASSWORD, &LOGIN[18..], &basic, "?"];
    for secret in secrets {
        assert!(!log.contains(secret), "the proxy has logged {secret}");
    }
}
