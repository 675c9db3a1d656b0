//! The proofs of `tests/crash` in their long form: as many cycles as asked, times judged, and a
//! table of what came out. It ends with 1 when a row failed.
//!
//! `CYCLES=200 cargo bench --bench crash`; `ONLY=postgres` picks the rows whose names contain that,
//! as an argument does; `SEED` makes other random choices.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a proof that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "the tests share the modules")]

#[cfg(target_os = "linux")]
#[path = "../tests/crash/scenarios/mod.rs"]
mod scenarios;
#[cfg(target_os = "linux")]
#[path = "../tests/support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
#[path = "../tests/crash/world/mod.rs"]
mod world;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("NOT RUN: it looks at processes through /proc, which only Linux has");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let cycles = set("CYCLES").map_or(20, |cycles| cycles.parse().expect("CYCLES is a number"));
    // cargo passes `--bench` along.
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let only = argument.or_else(|| set("ONLY")).unwrap_or_default();
    let chosen = scenarios::ALL.iter().filter(|scenario| scenario.name.contains(&only));

    println!("CYCLES={cycles} SEED={}", world::seed());
    table::head();
    let (mut run, mut failed) = (0, 0);
    for scenario in chosen {
        let outcome = long_form(scenario, cycles);
        table::row(scenario.name, &outcome);
        run += 1;
        failed += u32::from(outcome.verdict() == "FAILED");
    }
    println!("{run} rows, {failed} failed");
    std::process::ExitCode::from(u8::from(failed > 0 || run == 0))
}

/// In a thread of its own, so that one that can't go on is one row that failed.
#[cfg(target_os = "linux")]
fn long_form(scenario: &'static scenarios::Scenario, cycles: u32) -> scenarios::Outcome {
    let runs = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(scenario.run_long(cycles))
    });
    runs.join().unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let problem = format!("it could not go on: {}", message.unwrap_or_default());
        scenarios::Outcome { problems: vec![problem], ..Default::default() }
    })
}

#[cfg(target_os = "linux")]
mod table {
    use crate::scenarios::{Outcome, ms};

    pub(super) fn head() {
        println!(
            "{:<74} {:>6} {:>8} {:>8} {:>6} {:>7} {:>5} {:>7} {:>10} {:>10}  verdict",
            "scenario",
            "cycles",
            "sent",
            "200",
            "other",
            "failed",
            "lost",
            "doubled",
            "p99 to 200",
            "worst"
        );
    }

    pub(super) fn row(name: &str, outcome: &Outcome) {
        println!(
            "{name:<74} {:>6} {:>8} {:>8} {:>6} {:>7} {:>5} {:>7} {:>10} {:>10}  {}",
            outcome.cycles,
            outcome.sent,
            outcome.acknowledged,
            outcome.other_answers,
            outcome.failed_attempts,
            outcome.lost,
            outcome.doubled,
            ms(outcome.p99),
            ms(outcome.worst),
            outcome.verdict()
        );
        for line in &outcome.notes {
            println!("    {line}");
        }
        for line in &outcome.problems {
            println!("    FAILED: {line}");
        }
        if let Some(why) = &outcome.not_run {
            println!("    NOT RUN: {why}");
        }
    }
}
