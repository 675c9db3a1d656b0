//! Never lose a callback, proven by killing things: real processes, a real Postgres of each proof's
//! own, and a load of gateways that goes on through all of it. These are the short forms;
//! `make crash` runs them as long as asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "the bench shares the modules")]
#![cfg(target_os = "linux")] // it looks at processes through /proc

#[path = "../support/mod.rs"]
mod support;

mod judging;
mod scenarios;
mod world;

async fn prove(name: &str) {
    let scenario = scenarios::ALL.iter().find(|scenario| scenario.name == name).unwrap();
    let outcome = scenario.run_short().await;
    if let Some(why) = &outcome.not_run {
        // Past what the test harness captures: nobody shall take this for a proof.
        let warning = format!("\nNOT RUN: {name}: {why}\n");
        std::io::Write::write_all(&mut std::io::stderr(), warning.as_bytes()).unwrap();
        return;
    }
    let (problems, notes) = (outcome.problems.join("\n  "), outcome.notes.join("\n  "));
    assert!(problems.is_empty(), "{name}:\n  {problems}\n  {notes}");
}

macro_rules! proofs {
    ($($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                prove(stringify!($name)).await;
            }
        )*

        #[test]
        fn every_scenario_is_proven_here() {
            let all = scenarios::ALL.iter().map(|scenario| scenario.name);
            assert!(all.eq([$(stringify!($name)),*]));
        }
    };
}

proofs! {
    kill_9_of_the_service_loses_nothing_acknowledged
    kill_9_of_postgres_is_noticed_by_nobody
    a_stopped_postgres_is_noticed_by_nobody
    a_postgres_that_hangs_is_noticed_by_nobody
    a_postgres_that_comes_back_read_only_is_noticed_by_nobody
    a_postgres_whose_disk_is_full_is_noticed_by_nobody
    a_postgres_without_free_connections_is_noticed_by_nobody
    service_and_postgres_killed_in_any_order_lose_nothing_acknowledged
    a_full_spool_disk_is_answered_503_and_loses_nothing_acknowledged
    a_damaged_spool_file_is_set_aside_and_its_intact_records_are_saved
    a_restart_under_load_fails_no_request
    ten_times_the_capacity_costs_neither_goodput_nor_memory
    a_cold_start_without_postgres_takes_callbacks
}
