//! The runtime and the exit code, and nothing else.

use std::process::ExitCode;
use std::thread::available_parallelism;

use routo_receiver::commands::Cli;
use routo_receiver::error_chain::Chain;
use tokio::runtime;

fn main() -> ExitCode {
    let cli = Cli::of_command_line();
    let finished = runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads())
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(routo_receiver::commands::run(&cli)));
    match finished {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error, error.exit_code()),
        Err(error) => failed(&error, 1),
    }
}

fn failed(error: &dyn std::error::Error, exit_code: u8) -> ExitCode {
    eprintln!("routo-receiver: {}", Chain(error));
    ExitCode::from(exit_code)
}

/// All cores but one, which Postgres has more use for: on two cores, callbacks are answered as fast
/// by one worker as by two, and the slowest of them sooner (`make bench`).
fn worker_threads() -> usize {
    available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}
