//! The command line: the commands, the options that all of them have, and the help.

pub(super) mod time;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::check::CheckArguments;
use super::output::print_to_stderr;
use super::psql::PsqlArguments;
use super::redecode::RedecodeArguments;
use super::rejected::RejectedCommand;
use super::simulate::SimulateArguments;
use super::spool::SpoolCommand;
use super::status::StatusArguments;

const AFTER_HELP: &str = "\
First run:
  With no configuration at all, `routo-receiver` runs an embedded Postgres in ./data, generates
  credentials, and prints curl lines that try both callbacks.

The most important environment variables:
  DATABASE_URL                        the Postgres database to use instead
  ROUTO_ACCOUNTS__MAIN__USER          the user that the gateway sends (MAIN: any name you like)
  ROUTO_ACCOUNTS__MAIN__PASSWORD      the password that belongs to it
  ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN  the last part of the delivery report URL
  ROUTO_HTTP__LISTEN                  where to listen for callbacks [default: 0.0.0.0:8080]
  ROUTO_ADMIN__LISTEN                 where to serve health and metrics [default: 127.0.0.1:9090]
  ROUTO_DATA_DIR                      the files that must survive a restart [default: ./data]
  PG_BIN_DIR                          the directory of initdb and postgres, for the embedded one

  A secret can come from a file: DATABASE_URL_FILE, ROUTO_ACCOUNTS__MAIN__PASSWORD_FILE, ...

Every setting can also be a key in routo-receiver.toml; `routo-receiver check` lists them all.
More is in README.md, in docs/, and in config/default.toml, which explains every key.";

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_REVISION"), ")");

/// Receives the SMS gateway's delivery reports and inbound messages, and keeps them in Postgres.
///
/// A callback is answered with 200 only once it is durable: committed to Postgres, one row per
/// attempt, or, while Postgres is unavailable, on this machine's disk until Postgres is back.
#[derive(Debug, Parser)]
#[command(name = "routo-receiver", version = VERSION, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// The configuration file [default: routo-receiver.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

impl Cli {
    /// Parses the command line of this process. If it is wrong, says why and exits. The message has
    /// no URLs: they may contain credentials.
    #[must_use]
    pub fn parse_command_line() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            print_to_stderr(&without_urls(&error.to_string()));
            std::process::exit(error.exit_code());
        })
    }
}

/// The text with `***` in place of each URL but its scheme, up to the next quote or the line end.
fn without_urls(text: &str) -> String {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some((before, url)) = rest.split_once("://") {
        let end = url.find(['\'', '\n']).unwrap_or(url.len());
        hidden.extend([before, "://***"]);
        rest = url.split_at(end).1;
    }
    hidden + rest
}

#[derive(Debug, Default, Subcommand)]
pub(super) enum Command {
    /// Accept callbacks until stopped (the default).
    #[default]
    Serve,
    /// Migrate the database schema, then exit.
    Migrate,
    /// Check the configuration; print it, without secrets, and the URLs to register.
    Check(CheckArguments),
    /// Inspect, export or drain the files that keep callbacks while Postgres is unavailable.
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// Decode stored messages again from their bytes, if they were decoded with a wrong charset.
    Redecode(RedecodeArguments),
    /// List callbacks that could not be used, or replay them once the cause is fixed.
    #[command(subcommand)]
    Rejected(RejectedCommand),
    /// Simulate the gateway: send reports and messages to a service, repeated and in every charset;
    /// count and time the answers, and compare what is stored with what was acknowledged.
    Simulate(Box<SimulateArguments>),
    /// Ask a running service whether it is ready; the exit code says so (for container health checks).
    Health,
    /// Say whether all is well, with the last callbacks, the database and the spool; the exit code is 1
    /// if not.
    Status(StatusArguments),
    /// Open psql on the database, configured or embedded. The password is not on its command line.
    Psql(PsqlArguments),
}

#[cfg(test)]
mod tests;
