//! A deployment of docker-compose.yml, and the scripts of deploy/compose.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tokio::process::Command;

use crate::curl::{Answered, curl};
use crate::engine::{IMAGE, Leavings, build_image, name_of, run};
use testkit::{configuration::free_port, scratch};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FILES: [&str; 2] = [
    include_str!("../../docker-compose.yml"),
    include_str!("../../deploy/compose/postgres-port.yml"),
];
/// `COMPOSE_FILE` with the published port of Postgres.
pub const BOTH_FILES: &str = "docker-compose.yml:deploy/compose/postgres-port.yml";

/// A deployment of the compose file, independent of others.
pub struct Project {
    pub directory: PathBuf,
    pub plain_port: u16,
    pub tls_port: u16,
    pub direct_port: u16,
    pub postgres_port: u16,
    /// Additional variables.
    pub more: Vec<(&'static str, &'static str)>,
    pub leavings: Leavings,
}

impl Project {
    /// Creates its secrets, as the first step of `make up` does.
    pub async fn new() -> Self {
        let directory = scratch("compose");
        fs::create_dir_all(&directory).unwrap();
        let project = Self {
            directory,
            plain_port: free_port(),
            tls_port: free_port(),
            direct_port: free_port(),
            postgres_port: free_port(),
            more: Vec::new(),
            leavings: Leavings::new(),
        };
        project.script("make-secrets", &[]).await;
        project
    }

    /// Creates and starts it.
    pub async fn up() -> Self {
        build_image().await;
        let project = Self::new().await;
        project.script("up", &[]).await;
        project
    }

    pub fn secret(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join("secrets").join(name)).unwrap();
        text.trim_end().to_owned()
    }

    /// Output of `docker compose`; it must succeed.
    pub async fn compose(&self, arguments: &[&str]) -> String {
        let (code, output, errors) = self.try_compose(arguments).await;
        assert_eq!(code, Some(0), "docker compose {arguments:?}: {errors}");
        output
    }

    /// Exit code, standard output and standard error.
    pub async fn try_compose(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(self.command("docker").arg("compose").args(arguments)).await
    }

    /// Output of a script of deploy/compose; it must succeed.
    pub async fn script(&self, name: &str, arguments: &[&str]) -> String {
        let (code, output, errors) = self.try_script(name, arguments).await;
        assert_eq!(code, Some(0), "{name} {arguments:?}: {errors}");
        output
    }

    pub async fn try_script(
        &self,
        name: &str,
        arguments: &[&str],
    ) -> (Option<i32>, String, String) {
        run(self.command(&format!("deploy/compose/{name}")).args(arguments)).await
    }

    /// A command with this deployment's variables, without the developer's own.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for variable in variables_of_the_file() {
            command.env_remove(variable);
        }
        // 16 addresses, derived from the port, which is unique.
        let (port, low) = (self.plain_port, (self.plain_port & 0xF) << 4);
        let network = format!("10.{}.{}", 204 + (port >> 12), (port >> 4) & 0xFF);
        command
            .current_dir(ROOT)
            .env_remove("COMPOSE_FILE")
            .env("COMPOSE_PROFILES", "")
            .env("COMPOSE_ENV_FILES", "/dev/null")
            .env("COMPOSE_PROJECT_NAME", &self.leavings.id)
            .env("DOMAIN", "localhost")
            .env("IMAGE", name_of(IMAGE))
            .env("HTTP_PORT", self.plain_port.to_string())
            .env("HTTPS_PORT", self.tls_port.to_string())
            .env("DIRECT_PORT", self.direct_port.to_string())
            .env("POSTGRES_PORT", self.postgres_port.to_string())
            .env("PROXY_SUBNET", format!("{network}.{low}/28"))
            .env("CADDY_ADDRESS", format!("{network}.{}", low + 14))
            .env("SECRETS_DIR", self.directory.join("secrets"))
            .envs(self.more.iter().copied());
        command
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// The file with the certificate of Caddy's own authority.
    pub async fn authority(&self) -> PathBuf {
        let authority = self.directory.join("root.crt");
        let from = "caddy:/data/caddy/pki/authorities/local/root.crt";
        self.compose(&["cp", from, authority.to_str().unwrap()]).await;
        authority
    }

    /// The answer to a delivery report with this token.
    pub async fn report(&self, token: &str) -> Answered {
        let callback = "mess_id=hello-1&status=0&number=447700900001";
        let url = format!("{}/delivery-reports/{token}?{callback}", self.url());
        curl(&self.authority().await, &[&url]).await
    }

    /// The answer to a message with these credentials.
    pub async fn message(&self, user: &str, password: &str) -> Answered {
        let callback = "dcs=0&org=447700900001&dest=447700900100&message=Hello";
        let form = format!("user={user}&pass={password}&{callback}");
        let url = format!("{}/inbound-messages", self.url());
        curl(&self.authority().await, &["--data", &form, &url]).await
    }

    /// Simulates the gateway against a URL of this deployment, whose rows must then be complete.
    pub async fn rehearse(&self, url: &str, options: &[&str]) {
        let password = self.secret("database_password");
        let port = self.postgres_port;
        let environment = [
            ("DATABASE_URL", format!("postgres://routo:{password}@127.0.0.1:{port}/routo")),
            ("ROUTO_ACCOUNTS__MAIN__USER", "gateway".to_owned()),
            ("ROUTO_ACCOUNTS__MAIN__PASSWORD", self.secret("gateway_password")),
            ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", self.secret("report_token")),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value));
        let authority = self.authority().await;
        let simulate = ["simulate", "--verify", "--url", url, "--ca", authority.to_str().unwrap()];
        let simulate = [&simulate[..], options].concat();
        let (code, output, errors) = testkit::process::run(&simulate, &environment).await;
        assert_eq!(code, Some(0), "{output}{errors}");
    }

    /// Output of psql, as the superuser.
    pub async fn psql(&self, sql: &str) -> String {
        let psql = ["exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "routo", "-At", "-c"];
        self.compose(&[&psql[..], &[sql]].concat()).await
    }
}

pub fn variables_of_the_file() -> BTreeSet<String> {
    let name = |after: &str| after.split([':', '}']).next().unwrap().to_owned();
    FILES.concat().split("${").skip(1).map(name).collect()
}
