//! A callback over a socket, and its steps that are pure computation, each by itself.
//!
//! `make bench-micro` times them with criterion, and compares with the run before. On a machine that
//! does other things, too, `make bench-instructions` counts what they execute instead: the same
//! figure each time, under valgrind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that can't go on fails"
)]
#![allow(unreachable_pub, reason = "a program of its own")]

mod callback;
mod cases;
mod instructions;

use criterion::Criterion;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [instructions::COUNT, ..] => instructions::count(),
        [instructions::REPEAT, name, times] => instructions::repeat(name, times.parse().unwrap()),
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            for case in cases::all() {
                let mut run = case.run;
                criterion.bench_function(case.name, |bencher| bencher.iter(&mut run));
            }
            criterion.final_summary();
        }
    }
}
