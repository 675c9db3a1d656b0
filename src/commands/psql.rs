//! `routo-receiver psql`: opens psql on the service's database.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;
use secrecy::ExposeSecret;

use crate::config::{DatabaseSource, Settings};
use crate::service::existing_database;
use crate::store::psql_environment;

use super::CommandError;

#[derive(Debug, Args)]
pub(crate) struct PsqlArguments {
    /// Options and arguments of psql, such as -c 'select * from inbox'.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// Replaces this process. Returns only if that fails.
pub(super) fn run(arguments: &PsqlArguments, settings: &Settings) -> Result<(), CommandError> {
    let url = existing_database(settings)?;
    let bin_dir = match settings.database.source() {
        DatabaseSource::Embedded { bin_dir } => bin_dir,
        DatabaseSource::External(_) => settings.database.bin_dir.as_deref(),
    };
    let program = embedded_postgres::psql(bin_dir);
    let mut command = Command::new(&program);
    // Either would lead elsewhere.
    command.env_remove("PGSERVICE").env_remove("PGHOSTADDR").args(&arguments.arguments);
    for (name, value) in psql_environment(&url)? {
        command.env(name, value.expose_secret());
    }
    Err(CommandError::Psql { program, source: command.exec() })
}
