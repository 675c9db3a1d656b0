//! Soaks: real processes under load, for as long as asked, while what they need is taken away.
//!
//! `cargo test --release --test soak -- soak NAME` runs one, and ends with 1 if something was lost;
//! `make` has a target for each. Without a name, the short forms of `crash` run as tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a proof that can't go on fails"
)]
#![allow(unreachable_pub, reason = "nobody links this program")]

mod crash;
mod hostile;
mod listener;
mod rehearsal;
mod sql;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if arguments == ["soak", "sql"] {
        block_on(sql::run());
        return ExitCode::SUCCESS;
    }
    if !cfg!(target_os = "linux") {
        println!("NOT RUN: it looks at processes through /proc, which only Linux has");
        return ExitCode::SUCCESS;
    }
    match arguments.as_slice() {
        ["soak", "crash"] => crash::long::run(),
        ["soak", "rehearsal"] => block_on(rehearsal::run()),
        ["soak", "hostile"] => {
            block_on(hostile::run());
            ExitCode::SUCCESS
        }
        ["soak", ..] => panic!("soaks: crash, hostile, rehearsal, sql"),
        _ => {
            let trials = crash::ALL.iter().map(|scenario| {
                Trial::ignorable_test(scenario.name, || {
                    let outcome = block_on(scenario.run_short());
                    match outcome.not_run {
                        // In CI, what can't be run has failed.
                        Some(why) if std::env::var_os("CI").is_some() => Err(why.into()),
                        Some(why) => Ok(Completion::ignored_with(why)),
                        None if outcome.problems.is_empty() => Ok(Completion::Completed),
                        None => Err([outcome.problems, outcome.notes].concat().join("\n").into()),
                    }
                })
            });
            libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
        }
    }
}

fn block_on<T>(soak: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(soak)
}

/// The number in an environment variable, or the default.
fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok().filter(|value| !value.is_empty());
    set.map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
