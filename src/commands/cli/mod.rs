//! The command line: what can be asked of the program, and its help. Parsing only.

pub(super) mod time;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::redecode::RedecodeArguments;
use super::rejected::RejectedCommand;
use super::simulate::SimulateArguments;

const AFTER_HELP: &str = "\
First run:
  With no configuration at all, `routo-receiver` runs a private Postgres in ./data, makes up
  credentials, and prints curl lines to try both callbacks with.

The most important environment variables:
  DATABASE_URL                        the Postgres database to use instead
  ROUTO_ACCOUNTS__MAIN__USER          the user that the gateway sends (MAIN: a name of yours)
  ROUTO_ACCOUNTS__MAIN__PASSWORD      the password that belongs to it
  ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN  the last part of the delivery report URL
  ROUTO_HTTP__LISTEN                  where callbacks are taken [default: 0.0.0.0:8080]
  ROUTO_ADMIN__LISTEN                 where health and metrics are [default: 127.0.0.1:9090]
  ROUTO_DATA_DIR                      what has to survive a restart [default: ./data]
  PG_BIN_DIR                          where initdb and postgres are, for the private Postgres

  A secret can come from a file: DATABASE_URL_FILE, ROUTO_ACCOUNTS__MAIN__PASSWORD_FILE, ...

Every setting can also be a key in routo-receiver.toml; `routo-receiver check` lists them all.
More is in README.md, in docs/, and in config/default.toml, which explains every key.";

/// Receives the SMS gateway's delivery reports and inbound messages, and keeps them in Postgres.
///
/// A callback is answered with 200 only when it is committed in Postgres, one row an attempt, where
/// SQL reads it; or, while Postgres is away, when it is on this machine's disk on its way there.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "routo-receiver", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// The configuration file [default: routo-receiver.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What the program was called with. Ends it where that can't be understood, and says why, without
    /// URLs: they may have credentials in them.
    #[must_use]
    pub fn of_command_line() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            eprint!("{}", without_urls(&error.to_string()));
            std::process::exit(error.exit_code());
        })
    }
}

/// The text with `***` for all of a URL but its scheme, to the end of the quotation or the line.
fn without_urls(text: &str) -> String {
    let mut parts = text.split("://");
    let mut hidden = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_at(part.find(['\'', '\n']).unwrap_or(part.len()));
        hidden.extend(["://***", rest]);
    }
    hidden
}

/// What the program is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Take callbacks until told to stop (this is the default).
    #[default]
    Serve,
    /// Bring the database schema up to date, then exit.
    Migrate,
    /// Check the configuration, print it without secrets, and the URLs to register.
    Check,
    /// Look into, or empty, the files that keep callbacks while Postgres is away.
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// Read stored messages again from their bytes, where they were read in a wrong charset.
    Redecode(RedecodeArguments),
    /// List callbacks that could not be used, or take them again after what was wrong is mended.
    #[command(subcommand)]
    Rejected(RejectedCommand),
    /// Play the gateway against a service: reports and messages, repeated and in every charset; count
    /// and measure the answers, and hold what was stored against them.
    Simulate(Box<SimulateArguments>),
    /// Ask a running service whether it is ready; the exit code says so (for container health checks).
    Health,
}

/// What is to be done with the spool.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SpoolCommand {
    /// Say how many callbacks are in it, how many bytes, and how old the oldest is.
    Status,
    /// Move its callbacks to the configured database, while the service is not running.
    Drain,
    /// Print its callbacks as lines of JSON, and leave them in it.
    Export {
        /// A file of the spool, such as one that was set aside [default: all that are not].
        file: Option<PathBuf>,
    },
}

impl Cli {
    /// The command that was given, or the default.
    #[must_use]
    pub fn chosen(&self) -> Command {
        self.command.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
