//! The options of `simulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;
use simulator::Kinds;

use crate::domain::AccountName;

use super::clean::CleanArguments;

/// The longest run, and the longest time-out.
const LONGEST: Duration = Duration::from_hours(24);

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Exit code: 0 when all went well; 3 when callbacks were lost or could not be sent in time; 4 when
--verify found differences; 1 when the simulation failed; 2 for a wrong option.

docs/simulate.md explains what is sent, what is counted and what --json prints."
)]
pub(crate) struct SimulateArguments {
    #[command(subcommand)]
    pub(crate) command: Option<SimulateCommand>,

    #[command(flatten)]
    pub(crate) target: TargetArguments,

    /// Callbacks a second, however long the answers take (open loop) [default: 20, unless
    /// --connections is given].
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,

    /// Connections. Without --rate, each sends its next callback when the last one is answered
    /// (closed loop); with it, the most that are open at once [default: 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) connections: Option<u32>,

    /// How long to send, such as 20s or 10m [default: 10s, unless --count is given].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// How many callbacks to send.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// How long --verify waits for the next of the callbacks that were acknowledged and are not in
    /// Postgres yet.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) verify_wait: Duration,

    /// Only callbacks of this kind.
    #[arg(long, value_name = "KIND")]
    pub(crate) only: Option<SimulatedKind>,

    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimulateCommand {
    /// Send one callback, and print the request, the answer, and the stored row.
    Once {
        /// Which kind.
        kind: SimulatedKind,

        #[command(flatten)]
        target: TargetArguments,
    },
    /// Remove the rows of a run from all three tables.
    Clean(CleanArguments),
}

/// Where callbacks go, on whose behalf, and how they are written.
#[derive(Debug, Args)]
pub(crate) struct TargetArguments {
    /// The service: http:// or https://, with the path in front of /inbound-messages if there is one
    /// [default: http.listen on this machine].
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// A PEM file with the authorities to trust besides this machine's, such as Caddy's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// The configured account whose credentials to use [default: the first by name].
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<AccountName>,

    /// The user to send, instead of the account's.
    #[arg(long, requires = "password")]
    pub(crate) user: Option<String>,

    /// The password of --user. Other users of this machine can see it: prefer an account in the
    /// configuration or in the environment.
    #[arg(long, requires = "user")]
    pub(crate) password: Option<SecretString>,

    /// The last part of the delivery report URL, instead of the account's. Other users of this
    /// machine can see it.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) report_token: Option<SecretString>,

    /// How long an attempt may take.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) timeout: Duration,

    /// The seed of the random choices: the same seed sends the same callbacks [default: a new one
    /// each time].
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Write requests as old and careless gateways do.
    #[arg(long)]
    pub(crate) torture: bool,

    /// Compare what is in the database with what was acknowledged [default: the configured
    /// database]. Other users of this machine can see a password in the URL: the configured database
    /// needs none here.
    #[arg(long, value_name = "DATABASE_URL", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "an option that may have a value")]
    pub(crate) verify: Option<Option<SecretString>>,
}

/// A kind of callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimulatedKind {
    #[value(alias = "reports")]
    Report,
    #[value(alias = "messages")]
    Message,
}

impl From<SimulatedKind> for Kinds {
    fn from(kind: SimulatedKind) -> Self {
        match kind {
            SimulatedKind::Report => Self::Reports,
            SimulatedKind::Message => Self::Messages,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("write a time such as 20s, 10m or 500ms, up to 24h")]
struct NotADuration;

fn duration(text: &str) -> Result<Duration, NotADuration> {
    let duration = humantime::parse_duration(text).map_err(|_| NotADuration)?;
    (Duration::from_millis(1)..=LONGEST).contains(&duration).then_some(duration).ok_or(NotADuration)
}
