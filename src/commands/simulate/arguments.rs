//! What `simulate` is told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::AccountName;

/// The longest run, and the longest time-out: a day.
const LONGEST: Duration = Duration::from_hours(24);

/// A run of the gateway that is played, or a single callback.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Exit code: 0 when all went well; 3 when callbacks were lost or could not be sent in time; 4 when
--verify found differences; 1 when it could not be done, 2 for a wrong option.

docs/simulate.md explains what is sent, what is counted and what --json prints."
)]
pub struct SimulateArguments {
    /// One callback instead of a run.
    #[command(subcommand)]
    pub once: Option<SimulateCommand>,

    /// Where to, as whom.
    #[command(flatten)]
    pub target: TargetArguments,

    /// Callbacks a second, whatever the answers take (open loop) [default: 20, unless --connections
    /// is given].
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,

    /// Connections. Without --rate, each sends its next callback when the last one is answered
    /// (closed loop); with it, the most there may be at once [default: 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: Option<u32>,

    /// How long to send, such as 20s or 10m [default: 10s, unless --count is given].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,

    /// How many callbacks to send.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// How long --verify waits for callbacks that were acknowledged and are not in Postgres yet, since
    /// the last that came.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub verify_wait: Duration,

    /// Only callbacks of this kind.
    #[arg(long, value_name = "KIND")]
    pub only: Option<SimulatedKind>,

    /// Print the outcome as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// One callback.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SimulateCommand {
    /// Send one callback, and print the request, the answer, and the row that it became.
    Once {
        /// Which.
        kind: SimulatedKind,

        /// Where to, as whom.
        #[command(flatten)]
        target: TargetArguments,
    },
}

/// Where callbacks go, and what they are.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TargetArguments {
    /// The service: http:// or https://, with the path in front of /inbound-messages if there is one
    /// [default: http.listen on this machine].
    #[arg(long)]
    pub url: Option<String>,

    /// A PEM file with the authorities to trust besides this machine's, such as Caddy's own.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// The configured account to call back as [default: the first by name].
    #[arg(long, value_name = "NAME")]
    pub account: Option<AccountName>,

    /// The user to call back as, instead of the account's.
    #[arg(long, requires = "password")]
    pub user: Option<String>,

    /// Its password. Others on this machine can see it: an account in the
    /// configuration, or in the environment, is better.
    #[arg(long, requires = "user")]
    pub password: Option<SecretText>,

    /// The last part of the delivery report URL, instead of the account's. Others can see it, too.
    #[arg(long, value_name = "TOKEN")]
    pub report_token: Option<SecretText>,

    /// How long an attempt may take.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub timeout: Duration,

    /// What is random comes from it: the same seed sends the same callbacks [default: another each
    /// time].
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Write requests as old and careless gateways do.
    #[arg(long)]
    pub torture: bool,

    /// Hold what is in the database against what was acknowledged [default: the configured database].
    /// Others on this machine can see a password in the URL: the
    /// configured database needs none here.
    #[arg(long, value_name = "DATABASE_URL", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "an option that may have a value")]
    pub verify: Option<Option<SecretText>>,
}

/// A kind of callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SimulatedKind {
    /// Delivery reports.
    #[value(alias = "reports")]
    Report,
    /// Inbound messages.
    #[value(alias = "messages")]
    Message,
}

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// No length of time.
#[derive(Debug, thiserror::Error)]
#[error("write a time such as 20s, 10m or 500ms, up to 24h")]
struct NotADuration;

fn duration(text: &str) -> Result<Duration, NotADuration> {
    let duration = humantime::parse_duration(text).map_err(|_| NotADuration)?;
    (Duration::from_millis(1)..=LONGEST).contains(&duration).then_some(duration).ok_or(NotADuration)
}
