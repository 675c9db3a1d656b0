//! Starts the runtime, runs the command, and gives the exit code.

use std::process::ExitCode;
use std::thread::available_parallelism;

use routo_receiver::commands::{self, Cli, print_error};
use tokio::runtime;

fn main() -> ExitCode {
    let cli = Cli::parse_command_line();
    let finished = runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads())
        .enable_all()
        .build()
        .map(|runtime| {
            let finished = runtime.block_on(commands::run(cli));
            // Everything in progress has finished. Only a read from a hanging disk could still be running.
            runtime.shutdown_background();
            finished
        });
    match finished {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error, error.exit_code()),
        Err(error) => failed(&error, 1),
    }
}

fn failed(error: &dyn std::error::Error, exit_code: u8) -> ExitCode {
    print_error(error);
    ExitCode::from(exit_code)
}

/// All cores but one, which is left to Postgres: on two cores, one worker answers as fast as two, and
/// its slowest answers come sooner (`make bench`).
fn worker_threads() -> usize {
    available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}
