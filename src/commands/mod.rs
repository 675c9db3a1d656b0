//! The commands, a file or folder each: what a command is given, and what it does.

mod admin_client;
mod check;
mod cli;
mod encodings;
mod error;
mod health;
mod migrate;
mod output;
mod progress;
mod psql;
mod redecode;
mod rejected;
mod serve;
mod simulate;
mod spool;
mod status;

pub use cli::Cli;
pub use error::CommandError;
pub use output::print_error;
pub use simulate::SimulateError;

use crate::config::{Settings, Sources};

use cli::Command;

/// Runs the command that the command line names.
pub async fn run(cli: Cli) -> Result<(), CommandError> {
    let settings = Settings::load(&Sources::of_process(cli.config.clone()))?;
    match cli.command.unwrap_or_default() {
        Command::Serve => Box::pin(serve::run(settings, cli.config)).await,
        Command::Migrate => migrate::run(&settings).await,
        Command::Check(arguments) => check::run(&arguments, &settings).await,
        Command::Spool(command) => spool::run(&command, &settings).await,
        Command::Redecode(arguments) => redecode::run(&arguments, &settings).await,
        Command::Rejected(command) => rejected::run(&command, &settings).await,
        Command::Simulate(arguments) => simulate::run(&arguments, &settings).await,
        Command::Health => health::run(&settings).await,
        Command::Status(arguments) => status::run(&arguments, &settings).await,
        Command::Psql(arguments) => psql::run(&arguments, &settings),
    }
}
