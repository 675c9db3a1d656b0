//! `routo-receiver check`: prints the configuration, without secrets, and the URLs to register.

use clap::Args;

use crate::config::{self, NoAccount, Settings};
use crate::credentials::accounts_without_generating;
use crate::service::{StartError, certificate_files, database_at, existing_database};
use crate::store::StatusReader;
use crate::tls::Certificate;

use super::CommandError;
use super::output::print_lines;

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Connect to the database, too. Nothing in it is changed.
    #[arg(long)]
    connect: bool,
}

pub(super) async fn run(
    arguments: &CheckArguments,
    settings: &Settings,
) -> Result<(), CommandError> {
    let served = accounts_without_generating(settings)?;
    print_lines(config::report(settings, served.generated_account()).trim_end())?;
    if let Some(unused) = &served.unused {
        print_lines(format_args!("\n{unused}"))?;
    }
    if let Some(files) = certificate_files(&settings.tls) {
        let certificate = Certificate::read(&files).map_err(StartError::from)?;
        print_lines(format_args!("\nThe certificate for HTTPS: {certificate}"))?;
    }
    if arguments.connect {
        connect(settings).await?;
    }
    if served.accounts.is_empty() && !settings.database.is_embedded() {
        return Err(NoAccount.into());
    }
    Ok(())
}

/// Says what answers, and whether its schema is this program's.
async fn connect(settings: &Settings) -> Result<(), CommandError> {
    let database = database_at(&existing_database(settings)?, false, settings)?;
    let unusable = |source| {
        let location = database.location().to_owned();
        CommandError::Unusable { location, source }
    };
    let mut reader = StatusReader::open(&database).await.map_err(unusable)?;
    let checked = reader.check_schema(&database).await;
    reader.close().await;
    match checked {
        Err(error) if error.is_schema_missing() && settings.database.migrate_on_start => {
            print_lines("\nThe database answers; `serve` brings its schema up to date.")
        }
        checked => {
            checked.map_err(unusable)?;
            print_lines("\nThe database answers, and its schema is up to date.")
        }
    }
}
