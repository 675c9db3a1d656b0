//! `routo-receiver check`: prints the configuration, without secrets, and the URLs to register.

use crate::config::{self, DatabaseSource, NoAccount, Settings};
use crate::service::{StartError, certificate_files};
use crate::tls::Certificate;

use super::CommandError;
use super::output::print_lines;

pub(super) fn run(settings: &Settings) -> Result<(), CommandError> {
    print_lines(config::report(settings).trim_end())?;
    if let Some(files) = certificate_files(&settings.tls) {
        let certificate = Certificate::read(&files).map_err(StartError::from)?;
        print_lines(format_args!("\nThe certificate for HTTPS: {certificate}"))?;
    }
    match settings.database.source() {
        DatabaseSource::External(_) if settings.accounts.is_empty() => Err(NoAccount.into()),
        _ => Ok(()),
    }
}
