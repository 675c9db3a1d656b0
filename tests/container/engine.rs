//! The command line of the container engine, for what testcontainers lacks, and the image.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The label of everything that a proof makes; its value is the proof's id.
pub const LABEL: &str = "routo-receiver-test";

/// The image under test.
pub const IMAGE: (&str, &str) = ("routo-receiver", "under-test");

/// Whether there is an engine; if not, why not.
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

/// Builds the image under test, once; every proof that needs it fails when that fails.
pub async fn build_image() {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let build = || {
        let mut docker = Command::new("docker");
        docker.args(["build", "--tag", &name_of(IMAGE)]);
        docker.args(["--build-arg", "VERSION=0.0.0-test", "--build-arg", "REVISION=test", "."]);
        docker.current_dir(env!("CARGO_MANIFEST_DIR")).env("DOCKER_BUILDKIT", "1");
        let output = docker.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("docker build: {said}")) }
    };
    let outcome = tokio::task::spawn_blocking(move || BUILT.get_or_init(build)).await.unwrap();
    assert_eq!(*outcome, Ok(()));
}

pub fn name_of((name, tag): (&str, &str)) -> String {
    format!("{name}:{tag}")
}

/// What `docker` answers to this; it must succeed.
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

/// One value of what the engine knows of a container or an image, as a Go template.
pub async fn inspect(what: &str, template: &str) -> String {
    docker(&["inspect", "--format", template, what]).await
}

/// All that a container has logged.
pub async fn logs(container: &str) -> String {
    let (_, output, errors) = try_docker(&["logs", container]).await;
    output + "\n" + &errors
}

/// Removes what a proof made in the engine when it is dropped, and also when this whole process is
/// killed: a shell waits for that, as in the crash proofs.
pub struct Leavings {
    /// A name that nothing else in the engine has.
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
        // Out of reach of what a terminal sends to the tests.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        Self { id, remover: shell.spawn().unwrap() }
    }
}

impl Drop for Leavings {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell_why();
        }
        drop(self.remover.stdin.take());
        // A remover that can't be waited for has ended.
        let _ = self.remover.wait();
    }
}

impl Leavings {
    /// The last lines of each container of a proof that failed, while they are there.
    fn tell_why(&self) {
        let script = r#"
for label in "$1=$0" "com.docker.compose.project=$0"; do
    for each in $(docker ps --all --quiet --filter "label=$label"); do
        docker inspect --format '{{.Name}} {{.State.Status}} {{.State.ExitCode}}' "$each"
        docker logs --tail 12 "$each" 2>&1
    done
done"#;
        let told = Command::new("sh").args(["-c", script, &self.id, LABEL]).output();
        let _ = std::io::stderr().write_all(&told.map(|told| told.stdout).unwrap_or_default());
    }
}
