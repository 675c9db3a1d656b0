//! The compose file, from the first command on.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tokio::process::Command;

use crate::curl::{curl, stored};
use crate::engine::{IMAGE, Leavings, build_image, docker, inspect, name_of, run};
use testkit::configuration::free_port;
use testkit::eventually;
use testkit::scratch;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A deployment of the compose file beside others.
struct Project {
    directory: PathBuf,
    plain_port: u16,
    tls_port: u16,
    leavings: Leavings,
}

impl Project {
    /// With secrets, as the first step of `make up` makes them.
    async fn new() -> Self {
        let directory = scratch("compose");
        fs::create_dir_all(&directory).unwrap();
        let (plain_port, tls_port) = (free_port(), free_port());
        let project = Self { directory, plain_port, tls_port, leavings: Leavings::new() };
        let mut make = Command::new("deploy/compose/make-secrets");
        make.current_dir(ROOT).arg(project.directory.join("secrets"));
        assert_eq!(run(&mut make).await.0, Some(0));
        project
    }

    fn secret(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join("secrets").join(name)).unwrap();
        text.trim_end().to_owned()
    }

    /// What `docker compose` answers; it must succeed.
    async fn compose(&self, arguments: &[&str]) -> String {
        let (code, output, errors) = self.try_compose(arguments).await;
        assert_eq!(code, Some(0), "docker compose {arguments:?}: {errors}");
        output
    }

    /// Exit code, standard output and standard error.
    async fn try_compose(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut compose = Command::new("docker");
        // The developer's own deployment must not leak in.
        for variable in variables_of_the_file() {
            compose.env_remove(variable);
        }
        // Sixteen addresses of its own, by the port, which nobody else has.
        let (port, low) = (self.plain_port, (self.plain_port & 0xF) << 4);
        let subnet = format!("10.{}.{}.{low}/28", 204 + (port >> 12), (port >> 4) & 0xFF);
        compose
            .current_dir(ROOT)
            .env_remove("COMPOSE_PROFILES")
            .env("IMAGE", name_of(IMAGE))
            .env("HTTP_PORT", self.plain_port.to_string())
            .env("HTTPS_PORT", self.tls_port.to_string())
            .env("PROXY_SUBNET", subnet)
            .env("SECRETS_DIR", self.directory.join("secrets"))
            .args(["compose", "--env-file", "/dev/null", "--project-name", &self.leavings.id])
            .args(arguments);
        run(&mut compose).await
    }
}

fn variables_of_the_file() -> BTreeSet<String> {
    let file = fs::read_to_string(format!("{ROOT}/docker-compose.yml")).unwrap();
    let name = |after: &str| after.split([':', '}']).next().unwrap().to_owned();
    file.split("${").skip(1).map(name).collect()
}

pub async fn the_compose_file_is_valid_and_every_variable_is_explained() {
    let project = Project::new().await;
    project.compose(&["config", "--quiet"]).await;
    project.compose(&["--profile", "monitoring", "config", "--quiet"]).await;
    let example = fs::read_to_string(format!("{ROOT}/.env.example")).unwrap();
    let explained: BTreeSet<String> = example
        .lines()
        .filter_map(|line| Some(line.strip_prefix('#')?.split_once('=')?.0.to_owned()))
        .filter(|name| !name.starts_with(' '))
        .collect();
    let mut known = variables_of_the_file();
    known.insert("COMPOSE_PROFILES".to_owned());
    assert_eq!(explained, known);
}

pub async fn one_command_brings_up_the_whole_deployment() {
    build_image().await;
    let project = Project::new().await;
    project.compose(&["up", "--detach", "--no-build", "--wait"]).await;

    let authority = project.directory.join("root.crt");
    let from = "caddy:/data/caddy/pki/authorities/local/root.crt";
    project.compose(&["cp", from, authority.to_str().unwrap()]).await;
    let https = format!("https://localhost:{}", project.tls_port);
    let token = project.secret("report_token");
    let report =
        format!("{https}/delivery-reports/{token}?mess_id=hello-1&status=0&number=441234567890");
    assert_eq!(curl(&authority, &[&report]).await, stored());
    let password = project.secret("gateway_password");
    let form = format!("user=gateway&pass={password}&dcs=0&org=441&dest=447&message=Hello");
    let messages = format!("{https}/inbound-messages");
    assert_eq!(curl(&authority, &["--data", &form, &messages]).await, stored());

    let sql = "select mess_id || ' ' || outcome from message_status
               union all select org || ' ' || dest || ' ' || message from inbox
               union all select 'superuser ' || rolsuper from pg_roles where rolname = current_user";
    let psql = ["exec", "-T", "postgres", "psql", "-h", "127.0.0.1", "-U", "routo", "-d", "routo"];
    let rows = project.compose(&[&psql[..], &["-At", "-c", sql]].concat()).await;
    assert_eq!(rows, "hello-1 delivered\n441 447 Hello\nsuperuser false");

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
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!logs.contains(&project.secret(&name)), "{name} is in a log");
    }
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
