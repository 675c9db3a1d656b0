//! Why `simulate` failed, or what it found.

use std::path::PathBuf;

use simulator::DestinationError;

use crate::domain::AccountName;

/// Why a simulation failed, or what it found.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error(transparent)]
    Target(#[from] DestinationError),
    #[error(
        "no account is configured to send callbacks as: configure one (ROUTO_ACCOUNTS__MAIN__USER, __PASSWORD, __REPORT_TOKEN), or give --user and --password, and --report-token; beside a service that generated its own credentials, use the same data_dir (ROUTO_DATA_DIR)"
    )]
    NoCredentials,
    #[error("no account '{name}' is configured; there are: {}", list(configured))]
    NoSuchAccount { name: AccountName, configured: Vec<AccountName> },
    #[error(
        "inbound messages need a user and a password: give --user and --password, or send only reports (--only report)"
    )]
    NoLogin,
    #[error(
        "no database to inspect: none is configured, and no service has run its embedded one in {}; give --verify DATABASE_URL, or use the service's data_dir (ROUTO_DATA_DIR)",
        .0.display()
    )]
    NoDatabase(PathBuf),
    #[error(
        "{lost} callbacks were lost, because none of their attempts was acknowledged; {unsent} could not be sent in time"
    )]
    Lost {
        /// Callbacks of which no attempt was acknowledged.
        lost: u64,
        /// Callbacks that were due and not sent.
        unsent: u64,
    },
    /// `simulate once`.
    #[error("the callback was not acknowledged")]
    NotAcknowledged,
    #[error("{0} differences between what was acknowledged and what is stored")]
    Differences(u64),
}

impl SimulateError {
    /// The exit code: 1 if the simulation failed, 3 and 4 for what it found.
    pub(in crate::commands) fn exit_code(&self) -> u8 {
        match self {
            Self::Target(_)
            | Self::NoCredentials
            | Self::NoSuchAccount { .. }
            | Self::NoLogin
            | Self::NoDatabase(_) => 1,
            Self::Lost { .. } | Self::NotAcknowledged => 3,
            Self::Differences(_) => 4,
        }
    }
}

fn list(names: &[AccountName]) -> String {
    names.iter().map(AccountName::as_str).collect::<Vec<_>>().join(", ")
}
