//! A system clock that somebody sets while the service runs, and one that was never set.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use crate::support::app::{LOGIN, environment};
use crate::support::client::{post, send};
use crate::support::postgres::TestDatabase;
use crate::support::process::{ServiceProcess, run, with};
use crate::support::scratch::scratch;
use crate::support::{eventually, goes_to_postgres};

/// The wall clock of a program that is started with these variables.
struct WallClock {
    offset: PathBuf,
    library: PathBuf,
}

impl WallClock {
    /// Any Linux that builds this program has a C compiler: the spool's database needs one.
    fn off_by(seconds: i64) -> Self {
        let directory = scratch("clock");
        fs::create_dir_all(&directory).unwrap();
        let clock = Self { offset: directory.join("offset"), library: directory.join("shim.so") };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/process/clock/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([clock.library.as_os_str(), source.as_ref()])
            .status();
        assert!(built.unwrap().success());
        clock.set(seconds);
        clock
    }

    fn set(&self, seconds: i64) {
        let new = self.offset.with_extension("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, &self.offset).unwrap();
    }

    fn environment(&self, database: &TestDatabase) -> Vec<(String, String)> {
        let ours = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("CLOCK_OFFSET_FILE", self.offset.to_str().unwrap()),
        ];
        with(environment(&database.url()), &ours)
    }
}

#[tokio::test]
async fn a_clock_that_was_ahead_and_is_put_back_is_followed_and_messages_minutes_apart_stay_apart()
{
    let database = TestDatabase::create().await;
    let clock = WallClock::off_by(3_600);
    let service = ServiceProcess::start(&clock.environment(&database)).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    // An hour ahead; put back; and three minutes and six minutes after that.
    for offset in [3_600, 0, 180, 360] {
        clock.set(offset);
        let form = format!("{LOGIN}&org=447700900001&dest=447700900002&dcs=0&message=yes");
        let answer = send(service.http, post("/inbound-messages", form.as_bytes())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let apart = "
        select round(extract(epoch from max(received_at) - now()) / 60)::int as latest,
               count(*) as messages
        from inbox
        where received_at < now() + interval '30 minutes'";
    assert_eq!(database.query(apart).await, json!([{"latest": 6, "messages": 3}]));
    assert_eq!(database.value("select count(distinct id) from inbound_messages").await, json!(4));
    service.signal(Signal::TERM);
    let (code, log) = service.end().await;
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("clock was set back")).collect();
    assert_eq!(lines.len(), 1, "{log}");
}

#[tokio::test]
async fn a_clock_that_is_far_in_the_future_stores_callbacks_and_loses_none() {
    let database = TestDatabase::create().await;
    let clock = WallClock::off_by(180 * 365 * 86_400);
    let service = ServiceProcess::start(&clock.environment(&database)).await;
    eventually("ready", || goes_to_postgres(service.admin)).await;
    let form = format!("{LOGIN}&org=447700900001&dest=447700900002&dcs=0&message=yes");
    let answer = send(service.http, post("/inbound-messages", form.as_bytes())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let year = "select extract(year from received_at) > 2190 from inbox";
    assert_eq!(database.value(year).await, json!(true));
}

#[tokio::test]
async fn a_clock_before_1970_is_an_error_that_says_so_and_no_panic() {
    let database = TestDatabase::create().await;
    let clock = WallClock::off_by(-100 * 365 * 86_400);
    let (code, _, log) = run(&["serve"], &clock.environment(&database)).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the system's clock is set to a time before 1970"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
