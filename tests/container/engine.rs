//! The image under test, and the engine's command line where testcontainers lacks something.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The label of everything that a test creates; its value is the test's id.
pub const LABEL: &str = "routo-receiver-test";

/// The image under test.
pub const IMAGE: (&str, &str) = ("routo-receiver", "under-test");

/// The version of an image in docker-compose.yml, by its variable.
pub fn version_of(variable: &str) -> &'static str {
    let file = include_str!("../../docker-compose.yml");
    let after = file.split(&format!("${{{variable}:-")).nth(1).unwrap();
    after.split('}').next().unwrap()
}

/// An error says why no engine answers.
pub fn answers() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || match Command::new("docker").arg("version").output() {
        Ok(answer) if answer.status.success() => Ok(()),
        Ok(answer) => {
            let why = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
            Err(format!("no container engine answers: {why}"))
        }
        Err(error) => Err(format!("`docker` can't be run: {error}")),
    };
    ANSWER.get_or_init(ask).clone()
}

/// Builds the image under test once. If that fails, every test that needs it fails.
pub async fn build_image() {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let build = || {
        let mut docker = Command::new("docker");
        docker.args(["build", "--tag", &name_of(IMAGE)]);
        docker.args(["--build-arg", "VERSION=0.0.0-test", "--build-arg", "REVISION=test", "."]);
        docker.current_dir(env!("CARGO_MANIFEST_DIR")).env("DOCKER_BUILDKIT", "1");
        let output = docker.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("docker build: {errors}")) }
    };
    let outcome = tokio::task::spawn_blocking(move || BUILT.get_or_init(build)).await.unwrap();
    assert_eq!(*outcome, Ok(()));
}

pub fn name_of((name, tag): (&str, &str)) -> String {
    format!("{name}:{tag}")
}

/// Output of `docker`; it must succeed.
pub async fn docker(arguments: &[&str]) -> String {
    let (code, output, errors) = try_docker(arguments).await;
    assert_eq!(code, Some(0), "docker {arguments:?}: {errors}");
    output
}

/// Exit code, standard output and standard error.
pub async fn try_docker(arguments: &[&str]) -> (Option<i32>, String, String) {
    run(tokio::process::Command::new("docker").args(arguments)).await
}

pub async fn run(command: &mut tokio::process::Command) -> (Option<i32>, String, String) {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Output of `docker inspect` with a Go template.
pub async fn inspect(what: &str, template: &str) -> String {
    docker(&["inspect", "--format", template, what]).await
}

/// A container's whole log.
pub async fn logs(container: &str) -> String {
    let (_, output, errors) = try_docker(&["logs", container]).await;
    output + "\n" + &errors
}

/// Removes what a test created in the engine, when dropped and also if this process is killed: a shell
/// waits for the end of its input.
pub struct Leavings {
    /// Unique in the engine.
    pub id: String,
    remover: Child,
}

const REMOVE: &str = r#"
trap '' HUP INT TERM
cat
for label in "$1=$0" "com.docker.compose.project=$0"; do
    docker rm --force --volumes $(docker ps --all --quiet --filter "label=$label")
    docker network rm $(docker network ls --quiet --filter "label=$label")
    docker volume rm $(docker volume ls --quiet --filter "label=$label")
done
docker network rm "$0"
docker volume rm "$0"
"#;

impl Leavings {
    pub fn new() -> Self {
        static NAMES: AtomicU32 = AtomicU32::new(0);
        let nth = NAMES.fetch_add(1, Ordering::Relaxed);
        let id = format!("routo-test-{}-{nth}", std::process::id());
        let mut shell = Command::new("sh");
        shell.args(["-c", REMOVE, &id, LABEL]).stdin(Stdio::piped());
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        // A terminal's signals do not reach it.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        Self { id, remover: shell.spawn().unwrap() }
    }
}

impl Drop for Leavings {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        drop(self.remover.stdin.take());
        // An error means that it has ended already.
        let _ = self.remover.wait();
    }
}

impl Leavings {
    /// Prints the last log lines of each container of a failed test, before they are removed.
    fn print_logs(&self) {
        let script = r#"
for label in "$1=$0" "com.docker.compose.project=$0"; do
    for each in $(docker ps --all --quiet --filter "label=$label"); do
        docker inspect --format '{{.Name}} {{.State.Status}} {{.State.ExitCode}}' "$each"
        docker logs --tail 12 "$each" 2>&1
    done
done"#;
        let logs = Command::new("sh").args(["-c", script, &self.id, LABEL]).output();
        let _ = std::io::stderr().write_all(&logs.map(|logs| logs.stdout).unwrap_or_default());
    }
}
