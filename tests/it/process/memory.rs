//! The memory of the process under attack, and afterwards.

use testkit::attack::attacks;

use crate::support::app::{LOGIN, TOKEN, environment};
use crate::support::client::{get, send, try_send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, with};
use crate::support::{eventually, goes_to_postgres};

const MIB: u64 = 1024 * 1024;

/// The limit of the whole process without the pages of its own file, in bytes.
const LIMIT: u64 = 128 * MIB;

/// What the process may keep after the attacks beyond what it had before, in bytes.
const KEPT: u64 = 24 * MIB;

const STRANGERS: [&str; 2] = ["/inbound-messages", "/delivery-reports/wrong"];

/// A field of `/proc/PID/status`, in bytes.
fn memory(service: &ServiceProcess, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    value.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

async fn withstands(service: &ServiceProcess, targets: &[&str; 2]) {
    let report = get(&format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1"));
    let before = memory(service, "VmRSS");
    for attack in attacks() {
        // From here on, the peak is that of this attack.
        std::fs::write(format!("/proc/{}/clear_refs", service.id()), "5").unwrap();
        attack.run(targets, service.http).await;
        eventually("a callback is stored", || async {
            try_send(service.http, &report).await.is_some_and(|answer| answer.status == 200)
        })
        .await;
        // Pages of the program itself are read from its file and given up when memory is short. This
        // program is built without optimisation: it has several times those of a release.
        let peak = memory(service, "VmHWM") - memory(service, "RssFile");
        assert!(peak <= LIMIT, "{} of {targets:?} took {} MiB", attack.name, peak / MIB);
    }
    eventually("memory is given back", || async { memory(service, "VmRSS") <= before + KEPT })
        .await;
}

async fn withstands_all(service: &ServiceProcess) {
    let by_login = format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=m");
    let by_token = format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1");
    withstands(service, &STRANGERS).await;
    withstands(service, &[&by_login, &by_token]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_attack_takes_more_memory_than_allowed_and_it_is_given_back() {
    let database = TestDatabase::create().await;
    let service = ServiceProcess::start(&environment(&database.url())).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    withstands_all(&service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_it_while_postgres_is_away() {
    let nowhere = environment("postgres://routo@127.0.0.1:9/routo");
    let soon = [("ROUTO_INGEST__COMMIT_DEADLINE", "200ms")];
    let service = ServiceProcess::start(&with(nowhere, &soon)).await;
    eventually("ready", || async { send(service.http, get("/readyz")).await.status == 200 }).await;
    withstands_all(&service).await;
}
