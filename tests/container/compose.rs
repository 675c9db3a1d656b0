//! docker-compose.yml and the scripts of deploy/compose.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tokio::process::Command;

use crate::curl::{Answered, curl, stored};
use crate::engine::{IMAGE, Leavings, build_image, docker, inspect, name_of, run};
use testkit::{configuration::free_port, eventually, scratch};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FILES: [&str; 2] = [
    include_str!("../../docker-compose.yml"),
    include_str!("../../deploy/compose/postgres-port.yml"),
];
/// `COMPOSE_FILE` with the published port of Postgres.
const BOTH_FILES: &str = "docker-compose.yml:deploy/compose/postgres-port.yml";

/// A deployment of the compose file, independent of others.
struct Project {
    directory: PathBuf,
    plain_port: u16,
    tls_port: u16,
    postgres_port: u16,
    /// Additional variables.
    more: Vec<(&'static str, &'static str)>,
    leavings: Leavings,
}

impl Project {
    /// Creates its secrets, as the first step of `make up` does.
    async fn new() -> Self {
        let directory = scratch("compose");
        fs::create_dir_all(&directory).unwrap();
        let project = Self {
            directory,
            plain_port: free_port(),
            tls_port: free_port(),
            postgres_port: free_port(),
            more: Vec::new(),
            leavings: Leavings::new(),
        };
        project.script("make-secrets", &[]).await;
        project
    }

    /// Creates and starts it.
    async fn up() -> Self {
        build_image().await;
        let project = Self::new().await;
        project.script("up", &[]).await;
        project
    }

    fn secret(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join("secrets").join(name)).unwrap();
        text.trim_end().to_owned()
    }

    /// Output of `docker compose`; it must succeed.
    async fn compose(&self, arguments: &[&str]) -> String {
        let (code, output, errors) = self.try_compose(arguments).await;
        assert_eq!(code, Some(0), "docker compose {arguments:?}: {errors}");
        output
    }

    /// Exit code, standard output and standard error.
    async fn try_compose(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(self.command("docker").arg("compose").args(arguments)).await
    }

    /// Output of a script of deploy/compose; it must succeed.
    async fn script(&self, name: &str, arguments: &[&str]) -> String {
        let (code, output, errors) = self.try_script(name, arguments).await;
        assert_eq!(code, Some(0), "{name} {arguments:?}: {errors}");
        output
    }

    async fn try_script(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(self.command(&format!("deploy/compose/{name}")).args(arguments)).await
    }

    /// A command with this deployment's variables, without the developer's own.
    fn command(&self, program: &str) -> Command {
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
            .env("POSTGRES_PORT", self.postgres_port.to_string())
            .env("PROXY_SUBNET", format!("{network}.{low}/28"))
            .env("CADDY_ADDRESS", format!("{network}.{}", low + 14))
            .env("SECRETS_DIR", self.directory.join("secrets"))
            .envs(self.more.iter().copied());
        command
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// The file with the certificate of Caddy's own authority.
    async fn authority(&self) -> PathBuf {
        let authority = self.directory.join("root.crt");
        let from = "caddy:/data/caddy/pki/authorities/local/root.crt";
        self.compose(&["cp", from, authority.to_str().unwrap()]).await;
        authority
    }

    /// The answer to a delivery report with this token.
    async fn report(&self, token: &str) -> Answered {
        let callback = "mess_id=hello-1&status=0&number=447700900001";
        let url = format!("{}/delivery-reports/{token}?{callback}", self.url());
        curl(&self.authority().await, &[&url]).await
    }

    /// The answer to a message with these credentials.
    async fn message(&self, user: &str, password: &str) -> Answered {
        let callback = "dcs=0&org=447700900001&dest=447700900100&message=Hello";
        let form = format!("user={user}&pass={password}&{callback}");
        let url = format!("{}/inbound-messages", self.url());
        curl(&self.authority().await, &["--data", &form, &url]).await
    }

    /// Output of psql, as the superuser.
    async fn psql(&self, sql: &str) -> String {
        let psql = ["exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "routo", "-At", "-c"];
        self.compose(&[&psql[..], &[sql]].concat()).await
    }
}

fn variables_of_the_file() -> BTreeSet<String> {
    let name = |after: &str| after.split([':', '}']).next().unwrap().to_owned();
    FILES.concat().split("${").skip(1).map(name).collect()
}

pub async fn the_compose_file_is_valid_and_every_variable_is_explained() {
    let mut project = Project::new().await;
    project.compose(&["config", "--quiet"]).await;
    project.compose(&["--profile", "monitoring", "config", "--quiet"]).await;
    project.compose(&["--profile", "direct", "config", "--quiet"]).await;
    project.more.push(("COMPOSE_FILE", BOTH_FILES));
    project.compose(&["config", "--quiet"]).await;
    let example = fs::read_to_string(format!("{ROOT}/.env.example")).unwrap();
    let explained: BTreeSet<String> = example
        .lines()
        .filter_map(|line| Some(line.strip_prefix('#')?.split_once('=')?.0.to_owned()))
        .filter(|name| !name.starts_with(' '))
        .collect();
    let mut known = variables_of_the_file();
    known.extend(["COMPOSE_PROFILES", "COMPOSE_FILE"].map(str::to_owned));
    assert_eq!(explained, known);
}

pub async fn one_command_brings_up_the_whole_deployment() {
    let project = Project::up().await;
    assert_eq!(project.report(&project.secret("report_token")).await, stored());
    assert_eq!(project.message("gateway", &project.secret("gateway_password")).await, stored());

    let sql = "select mess_id || ' ' || outcome from message_status
               union all select org || ' ' || dest || ' ' || message from inbox";
    assert_eq!(project.psql(sql).await, "hello-1 delivered\n447700900001 447700900100 Hello");
    // Connected as a role that owns nothing.
    let sql = "select usename || ' ' || usesuper || ' ' ||
                   (select count(*) from pg_shdepend where refobjid = usesysid and deptype = 'o')
               from pg_stat_activity
               join pg_user using (usesysid, usename)
               where datname = 'routo' and usename <> 'postgres'
               group by usename, usesuper, usesysid";
    assert_eq!(project.psql(sql).await, "routo_service false 0");

    let containers = docker(&[
        "ps",
        "--quiet",
        "--filter",
        &format!("label=com.docker.compose.project={}", project.leavings.id),
    ])
    .await;
    let mut published = BTreeSet::new();
    for container in containers.lines() {
        let name = inspect(container, "{{.Name}}").await;
        let rights = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.RestartPolicy.Name}}";
        let expected = "true [ALL] [no-new-privileges:true] unless-stopped";
        assert_eq!(inspect(container, rights).await, expected, "{name}");
        let memory: u64 = inspect(container, "{{.HostConfig.Memory}}").await.parse().unwrap();
        assert!(memory > 0, "{name} has no limit of its memory");
        let ports = "{{range .NetworkSettings.Ports}}{{range .}}{{.HostPort}} {{end}}{{end}}";
        let ports = inspect(container, ports).await;
        published.extend(ports.split_whitespace().map(|port| port.parse::<u16>().unwrap()));
    }
    assert_eq!(containers.lines().count(), 3);
    assert_eq!(published, BTreeSet::from([project.plain_port, project.tls_port]));

    let logs = project.compose(&["logs"]).await;
    for entry in fs::read_dir(project.directory.join("secrets")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let name = entry.file_name().into_string().unwrap();
            assert!(!logs.contains(&project.secret(&name)), "{name} is in a log");
        }
    }
}

pub async fn a_deployment_that_fails_shows_the_log_of_what_is_unhealthy() {
    build_image().await;
    let mut project = Project::new().await;
    project.more = vec![("KEEP_INBOUND_MESSAGES", "a while"), ("UP_TIMEOUT", "30")];
    let (code, _, errors) = project.try_script("up", &[]).await;
    assert_eq!(code, Some(1), "{errors}");
    let (_, shown) = errors.split_once("\nreceiver is ").expect(&errors);
    assert!(shown.contains("retention.inbound_messages"), "{errors}");
    assert!(!errors.contains("postgres is "), "{errors}");
}

pub async fn a_mounted_configuration_adds_an_account() {
    build_image().await;
    let project = Project::new().await;
    let receiver = project.directory.join("secrets/receiver");
    let file = "[accounts.second]\nuser = \"second\"\n\
                password_file = \"/etc/routo-receiver/second_password\"\n";
    fs::write(receiver.join("routo-receiver.toml"), file).unwrap();
    fs::write(receiver.join("second_password"), "of-the-second-account\n").unwrap();
    project.script("up", &[]).await;
    assert_eq!(project.message("second", "of-the-second-account").await, stored());
    assert_eq!(project.report(&project.secret("report_token")).await, stored());
}

pub async fn a_rotation_accepts_old_and_new_credentials_until_it_is_done() {
    let project = Project::up().await;
    let old = [project.secret("report_token"), project.secret("gateway_password")];
    project.script("rotate", &[]).await;
    let new = [project.secret("report_token"), project.secret("gateway_password")];
    assert!(old[0] != new[0] && old[1] != new[1]);
    for [token, password] in [&old, &new] {
        assert_eq!(project.report(token).await, stored());
        assert_eq!(project.message("gateway", password).await, stored());
    }

    let (code, _, errors) = project.try_script("rotate", &[]).await;
    assert_eq!(code, Some(1));
    assert!(errors.contains("make rotate DONE=1"), "{errors}");
    assert_eq!(project.secret("report_token"), new[0]);

    project.script("rotate", &["done"]).await;
    assert_eq!(project.report(&old[0]).await.status, 401);
    assert_eq!(project.message("gateway", &old[1]).await.status, 401);
    assert_eq!(project.report(&new[0]).await, stored());
    assert_eq!(project.message("gateway", &new[1]).await, stored());
}

pub async fn a_rehearsal_through_the_deployment_is_verified_on_the_port_of_postgres() {
    build_image().await;
    let mut project = Project::new().await;
    project.more.push(("COMPOSE_FILE", BOTH_FILES));
    project.script("up", &[]).await;
    let password = project.secret("database_password");
    let database = format!("postgres://routo:{password}@127.0.0.1:{}/routo", project.postgres_port);
    let environment = [
        ("DATABASE_URL", database),
        ("ROUTO_ACCOUNTS__MAIN__USER", "gateway".to_owned()),
        ("ROUTO_ACCOUNTS__MAIN__PASSWORD", project.secret("gateway_password")),
        ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", project.secret("report_token")),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let (url, authority) = (project.url(), project.authority().await);
    let authority = authority.to_str().unwrap();
    let simulate =
        ["simulate", "--verify", "--url", &url, "--ca", authority, "--count", "50", "--rate", "50"];
    let (code, output, errors) = testkit::process::run(&simulate, &environment).await;
    assert_eq!(code, Some(0), "{output}{errors}");
}

/// Without Grafana, whose dashboard is checked elsewhere.
pub async fn prometheus_reads_the_service() {
    build_image().await;
    let project = Project::new().await;
    let monitoring = ["--profile", "monitoring", "up", "--detach", "--no-build"];
    project.compose(&[&monitoring[..], &["receiver", "prometheus"]].concat()).await;
    let promtool = ["exec", "-T", "prometheus", "promtool", "query", "instant"];
    let query = ["http://127.0.0.1:9090", r#"up{job="routo-receiver"} == 1"#];
    eventually("Prometheus says that its target is up", async || {
        let (_, answer, _) = project.try_compose(&[&promtool[..], &query[..]].concat()).await;
        answer.contains(r#"instance="receiver:9090""#)
    })
    .await;
}
