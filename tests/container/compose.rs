//! The deployment of docker-compose.yml, brought up and used.

use std::collections::BTreeSet;
use std::fs;

use crate::curl::stored;
use crate::engine::{build_image, docker, inspect};
use crate::project::{BOTH_FILES, Project, ROOT, variables_of_the_file};
use testkit::eventually;

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
    project.rehearse(&project.url(), &["--count", "50", "--rate", "50"]).await;
}

/// With URLs that no proxy accepts.
pub async fn the_torture_rehearsal_over_the_services_own_https_loses_none() {
    build_image().await;
    let mut project = Project::new().await;
    project.more = vec![("COMPOSE_FILE", BOTH_FILES), ("COMPOSE_PROFILES", "direct")];
    project.script("up", &[]).await;
    let url = format!("https://localhost:{}", project.direct_port);
    project.rehearse(&url, &["--torture", "--count", "400", "--connections", "8"]).await;
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
