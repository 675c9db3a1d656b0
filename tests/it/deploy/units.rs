//! The program can be started with the configuration in the systemd units and Kubernetes manifests.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use routo_receiver::config::{DatabaseSource, Settings, Sources};

use super::text;

/// The lines with this prefix, without it.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim().strip_prefix(key)).collect()
}

/// The secret files that an installation has.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn of(names: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            let secret = match *name {
                "database_url" => "postgres://routo:secret@localhost/routo",
                "password" => "a-good-password",
                "report_token" => "0123456789abcdef0123456789abcdef",
                other => panic!("what is {other}?"),
            };
            fs::write(directory.path().join(name), secret).unwrap();
        }
        Self(directory)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

/// Loads the settings from this environment; they must include one complete account.
fn settings(environment: &BTreeMap<String, String>) -> Settings {
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let sources = Sources { file: None, directory: PathBuf::from("/nonexistent"), environment };
    let settings = Settings::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(matches!(settings.database.source(), DatabaseSource::External(_)));
    let [account] = &*settings.accounts else { panic!("{} accounts", settings.accounts.len()) };
    assert!(account.login.is_some() && account.report_token.is_some());
    settings
}

#[test]
fn the_unit_starts_a_service_with_its_credentials_on_the_sockets_in_their_order() {
    let unit = text("deploy/systemd/routo-receiver.service");
    let credentials: Vec<&str> = values(&unit, "LoadCredential=")
        .iter()
        .map(|credential| credential.split(':').next().unwrap())
        .collect();
    let secrets = Secrets::of(&credentials);
    let mut environment: BTreeMap<String, String> = values(&unit, "Environment=")
        .iter()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name, value.replace("%d", secrets.path()).replace("%S", "/var/lib")))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    // The environment file of docs/install.md.
    environment.insert("ROUTO_ACCOUNTS__MAIN__USER".to_owned(), "gateway".to_owned());
    let settings = settings(&environment);
    let state = values(&unit, "StateDirectory=");
    assert_eq!(settings.data_dir, Path::new("/var/lib").join(state[0]));

    let sockets = text("deploy/systemd/routo-receiver.socket");
    let sockets: Vec<SocketAddr> =
        values(&sockets, "ListenStream=").iter().map(|address| address.parse().unwrap()).collect();
    assert_eq!(sockets, [settings.http.listen, settings.admin.listen]);
}

/// The pod template of a manifest.
fn pod_template(manifest: &str) -> String {
    let template = manifest.split("\n  template:\n").nth(1).unwrap();
    template.lines().take_while(|line| line.starts_with("    ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pods_start_a_service_with_its_credentials() {
    let pod = pod_template(&text("deploy/kubernetes/base/deployment.yaml"));
    let secret = text("deploy/kubernetes/base/secret.yaml");
    let names: Vec<&str> = secret
        .split("stringData:\n")
        .nth(1)
        .unwrap()
        .lines()
        .filter(|line| !line.trim().starts_with('#'))
        .map(|line| line.trim().split(':').next().unwrap())
        .collect();
    let secrets = Secrets::of(&names);
    let [mount] = values(&pod, "mountPath: /run/")[..] else { panic!("one mount in /run") };
    let variables = pod.split("\n          env:\n").nth(1).unwrap();
    let variables = variables.split("\n          ports:").next().unwrap();
    let environment: BTreeMap<String, String> = values(variables, "- name: ")
        .iter()
        .zip(values(variables, "value: "))
        .map(|(name, value)| (*name, value.replace(&format!("/run/{mount}"), secrets.path())))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let settings = settings(&environment);
    for port in [settings.http.listen.port(), settings.admin.listen.port()] {
        assert!(pod.contains(&format!("containerPort: {port}")), "{port}");
    }
    assert!(settings.admin.listen.ip().is_unspecified(), "the probes come from outside the pod");
    assert!(pod.contains(&format!("mountPath: {}", settings.data_dir.display())));
}

#[test]
fn the_two_kinds_of_pods_differ_in_their_volume_alone() {
    let ephemeral = pod_template(&text("deploy/kubernetes/base/deployment.yaml"));
    let kept = pod_template(&text("deploy/kubernetes/with-volumes/statefulset.yaml"));
    let left_out = [
        "ephemeral-storage:",
        "# spool.max_bytes (1 GiB), and what it leaves free",
        "- name: data",
        "emptyDir:",
        "sizeLimit:",
    ];
    let without = |template: &str| -> Vec<String> {
        let kept = |line: &&str| !left_out.iter().any(|start| line.trim().starts_with(start));
        template.lines().filter(kept).map(str::to_owned).collect()
    };
    assert_eq!(without(&ephemeral), without(&kept));
    assert!(ephemeral.contains("emptyDir:") && !kept.contains("emptyDir:"));
}
