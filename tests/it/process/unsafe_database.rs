//! States of the database that can undo a commit: named once, and shown to Prometheus.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresOptions};
use rustix::process::Signal;
use secrecy::ExposeSecret;

use crate::support::app::{TOKEN, environment};
use crate::support::client::{get, send};
use crate::support::metrics::{figure, scrape};
use crate::support::postgres::TestDatabase;
use crate::support::process::ServiceProcess;
use crate::support::scratch::scratch;
use crate::support::{eventually, goes_to_postgres};

const REASONS: [&str; 5] =
    ["fsync", "full_page_writes", "data_sync_retry", "unlogged_table", "temporary_table"];

async fn ready(database_url: &str) -> ServiceProcess {
    let service = ServiceProcess::start(&environment(database_url)).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    service
}

/// Which of the reasons are given now. A callback notices a connection that has ended.
async fn reasons(service: &ServiceProcess) -> Vec<&'static str> {
    let report = format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1");
    assert_eq!(send(service.http, get(&report)).await.status, 200);
    let text = scrape(service.admin).await;
    let given = |reason: &&str| {
        let series = format!("routo_database_unsafe{{reason=\"{reason}\"}}");
        figure(&text, &series).expect("every reason is shown") > 0.0
    };
    REASONS.into_iter().filter(given).collect()
}

/// The lines that name such states.
async fn warnings(service: ServiceProcess) -> (Vec<String>, String) {
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0), "{log}");
    let warnings = log.lines().filter(|line| line.contains("can lose callbacks"));
    (warnings.map(str::to_owned).collect(), log)
}

/// The programs of the installed Postgres, of which the server is started with these settings, too.
async fn programs_with(settings: &str) -> PathBuf {
    let installed = TestDatabase::create().await;
    let installed = installed.value("select setting from pg_config where name = 'BINDIR'").await;
    let installed = Path::new(installed.as_str().unwrap());
    let directory = scratch("programs");
    fs::create_dir_all(&directory).unwrap();
    for program in fs::read_dir(installed).unwrap() {
        let program = program.unwrap();
        if program.file_name() != "postgres" {
            symlink(program.path(), directory.join(program.file_name())).unwrap();
        }
    }
    let server = directory.join("postgres");
    let script = format!("#!/bin/sh\nexec {}/postgres \"$@\" {settings}\n", installed.display());
    fs::write(&server, script).unwrap();
    fs::set_permissions(&server, Permissions::from_mode(0o755)).unwrap();
    directory
}

#[tokio::test]
async fn a_database_that_does_not_flush_its_commits_is_named_once_and_shown_to_prometheus() {
    let settings = "-c fsync=off -c full_page_writes=off -c data_sync_retry=on";
    let options = EmbeddedPostgresOptions {
        data_dir: scratch("unsafe"),
        bin_dir: Some(programs_with(settings).await),
    };
    let postgres = EmbeddedPostgres::start(options).await.unwrap();
    let service = ready(postgres.url().expose_secret()).await;
    assert_eq!(reasons(&service).await, ["fsync", "full_page_writes", "data_sync_retry"]);
    let (warnings, _) = warnings(service).await;
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    let named = "fsync = off; full_page_writes = off; data_sync_retry = on";
    assert!(warning.contains(named), "{warning}");
    postgres.stop().await;
}

#[tokio::test]
async fn a_partition_that_a_crash_would_empty_is_named_until_it_is_logged() {
    let database = TestDatabase::create().await;
    let service = ready(&database.url()).await;
    assert!(reasons(&service).await.is_empty());
    let become_ = |persistence: &str| {
        format!(
            "do $$ begin execute format('alter table %s set {persistence}', (
                 select partition from callback_partitions
                 where table_name = 'delivery_reports'
                 and now() between from_time and to_time
             )); end $$;
             select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'routo-receiver'"
        )
    };
    database.execute(&become_("unlogged")).await;
    eventually("unsafe", async || reasons(&service).await == ["unlogged_table"]).await;
    database.execute(&become_("logged")).await;
    eventually("safe", async || reasons(&service).await.is_empty()).await;
    let (warnings, log) = warnings(service).await;
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    assert!(warning.contains("unlogged tables: delivery_reports_"), "{warning}");
    assert!(log.contains("the database keeps again what it has committed"), "{log}");
}
