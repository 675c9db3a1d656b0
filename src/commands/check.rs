//! `routo-receiver check`: prints the configuration, without secrets, and the URLs to register.

use crate::config::{self, NoAccount, Settings};
use crate::credentials::accounts_without_generating;

use super::CommandError;
use super::output::{print_line, print_lines};

pub(super) fn run(settings: &Settings) -> Result<(), CommandError> {
    let served = accounts_without_generating(settings)?;
    print_lines(config::report(settings, served.generated_account()).trim_end())?;
    if let Some(unused) = &served.unused {
        print_line("")?;
        print_line(unused)?;
    }
    if served.accounts.is_empty() && !settings.database.is_embedded() {
        return Err(NoAccount.into());
    }
    Ok(())
}
