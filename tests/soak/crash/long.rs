//! The scenarios in their long form: as many cycles as asked, times checked, and a table of results.
//!
//! `make crash CYCLES=200`; `ONLY=postgres` picks the rows whose names contain that; `SEED` makes
//! other random choices.

use std::process::ExitCode;

use super::{ALL, Outcome, Scenario, ms};
use crate::number;

/// Ends with 1 when a row failed, or there was none.
pub fn run() -> ExitCode {
    let cycles = u32::try_from(number("CYCLES", 20)).expect("CYCLES is a small number");
    let only = std::env::var("ONLY").unwrap_or_default();
    println!("CYCLES={cycles} SEED={}", number("SEED", 1));
    head();
    let (mut run, mut failed) = (0, 0);
    for scenario in ALL.iter().filter(|scenario| scenario.name.contains(&only)) {
        let outcome = long_form(scenario, cycles);
        row(scenario.name, &outcome);
        run += 1;
        failed += u32::from(outcome.verdict() == "FAILED");
    }
    println!("{run} rows, {failed} failed");
    ExitCode::from(u8::from(failed > 0 || run == 0))
}

/// In a thread of its own, so that one that can't go on is one row that failed.
fn long_form(scenario: &'static Scenario, cycles: u32) -> Outcome {
    let runs = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(scenario.run_long(cycles))
    });
    runs.join().unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let problem = format!("it could not go on: {}", message.unwrap_or_default());
        Outcome { problems: vec![problem], ..Default::default() }
    })
}

fn head() {
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

fn row(name: &str, outcome: &Outcome) {
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
