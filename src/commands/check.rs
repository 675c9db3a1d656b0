//! `routo-receiver check`: prints the configuration, without secrets, and the URLs to register.

use crate::config::{self, DatabaseSource, NoAccount, Settings};

use super::CommandError;
use super::output::print_lines;

pub(super) fn run(settings: &Settings) -> Result<(), CommandError> {
    print_lines(config::report(settings).trim_end())?;
    match settings.database.source() {
        DatabaseSource::External(_) if settings.accounts.is_empty() => Err(NoAccount.into()),
        _ => Ok(()),
    }
}
