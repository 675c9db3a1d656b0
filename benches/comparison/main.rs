//! Compares the service with alternatives, and writes `docs/performance.md`: `make bench`.
//!
//! `ROUNDS` and `SECONDS` in the environment change the length of the run, and `PAGE` the path of the
//! page. Load generator, contestants and Postgres share the machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "a program of its own")]

mod contestants;
mod machine;
mod measure;
mod probes;
mod report;
mod run;
mod statistics;

use std::path::Path;

use contestants::row_per_request;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((row_per_request::COMMAND, rest)) =
        arguments.split_first().map(|(command, rest)| (command.as_str(), rest))
    {
        return row_per_request::serve(rest).await;
    }
    if !cfg!(target_os = "linux") {
        return println!("NOT RUN: it looks at processes through /proc, which only Linux has");
    }
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let results = run::run(number("ROUNDS", 5), number("SECONDS", 3)).await;
    let page = std::env::var("PAGE").unwrap_or_else(|_| "docs/performance.md".to_owned());
    report::write(Path::new(&page), &results);
    println!("{page} is written");
}
