//! Why `simulate` did not do what was asked, or what it found.

use std::path::PathBuf;

use crate::domain::AccountName;
use simulator::DestinationError;

/// Why a simulation failed, or what it found.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// Nothing can be sent there.
    #[error(transparent)]
    Target(#[from] DestinationError),
    /// There is nobody to call back as.
    #[error(
        "no account is configured to call back as: configure one (ROUTO_ACCOUNTS__MAIN__USER, __PASSWORD, __REPORT_TOKEN), or give --user and --password, and --report-token; beside a service that made its own credentials, use the same data_dir (ROUTO_DATA_DIR)"
    )]
    NoCredentials,
    /// There is no such account.
    #[error("no account '{0}' is configured")]
    NoSuchAccount(AccountName),
    /// Messages have no other way in.
    #[error(
        "inbound messages need a user and a password: give --user and --password, or send nothing but reports (--only report)"
    )]
    NoLogin,
    /// There is no database to look into.
    #[error(
        "no database to look into: none is configured, and no service has run its embedded one in {}; give --verify DATABASE_URL, or use the service's data_dir (ROUTO_DATA_DIR)",
        .0.display()
    )]
    NoDatabase(PathBuf),
    /// Callbacks were not acknowledged.
    #[error(
        "{lost} callbacks were lost, as none of their attempts was acknowledged; {unsent} could not be sent in time"
    )]
    Lost {
        /// Callbacks given up.
        lost: u64,
        /// Callbacks that were due and did not begin.
        unsent: u64,
    },
    /// The one callback was not acknowledged.
    #[error("the callback was not acknowledged")]
    NotAcknowledged,
    /// The database does not have what was acknowledged.
    #[error("{0} differences between what was acknowledged and what is stored")]
    Differences(u64),
}

impl SimulateError {
    /// The exit code of the process: what was found is told apart from what could not be done.
    pub(in crate::app) fn exit_code(&self) -> u8 {
        match self {
            Self::Target(_)
            | Self::NoCredentials
            | Self::NoSuchAccount(_)
            | Self::NoLogin
            | Self::NoDatabase(_) => 1,
            Self::Lost { .. } | Self::NotAcknowledged => 3,
            Self::Differences(_) => 4,
        }
    }
}
