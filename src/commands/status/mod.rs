//! `routo-receiver status`: whether all is well, on one screen.

mod report;

use clap::Args;

use crate::config::Settings;
use crate::credentials::accounts_without_generating;
use crate::error_chain::Chain;
use crate::service::{database_at, existing_database, spool_options};
use crate::spool::{self, Contents};
use crate::store::{CallbackStatus, Database, DatabaseStatus, StatusReader, StoreError};

use super::CommandError;
use super::admin_client;
use super::health::readiness;
use super::output::{print_line, print_lines};

use report::{AccountStatus, DatabaseReport, SpoolStatus, Status};

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(
    arguments: &StatusArguments,
    settings: &Settings,
) -> Result<(), CommandError> {
    let status = inspect(settings).await?;
    if arguments.json {
        print_line(status.json())?;
    } else {
        print_lines(&status)?;
    }
    match status.problems.len() {
        0 => Ok(()),
        problems => Err(CommandError::NotWell { problems }),
    }
}

/// What can't be found out is a problem, not an error: the rest is of use.
async fn inspect(settings: &Settings) -> Result<Status, CommandError> {
    let mut problems = Vec::new();
    let accounts = accounts_without_generating(settings)?.accounts;
    if accounts.is_empty() {
        problems.push("no account is configured".to_owned());
    }
    let service = readiness(settings).await.map_err(|error| Chain(&error).to_string());
    problems.extend(service.as_ref().err().cloned());
    let metrics = admin_client::get(settings, "/metrics").await.ok().map(|answer| answer.body);
    let names: Vec<String> = accounts.iter().map(|account| account.name.to_string()).collect();
    let database = match open(settings) {
        Ok(database) => Some(read(&database, &names, &mut problems).await),
        Err(error) => {
            problems.push(Chain(&error).to_string());
            None
        }
    };
    let spool = spool_status(settings)?;
    if spool.set_aside > 0 {
        problems.push(format!(
            "{} files of the spool are set aside: see `routo-receiver spool status`",
            spool.set_aside
        ));
    }
    if let Err(error) = spool_options(settings).check_room() {
        problems.push(format!("the spool could not take callbacks: {}", Chain(&error)));
    }
    let (database, callbacks) = database.unzip();
    let callbacks = callbacks.flatten();
    Ok(Status {
        problems,
        service,
        database,
        spool,
        rejected_today: callbacks.as_ref().map(|callbacks| callbacks.rejected_today),
        accounts: accounts
            .iter()
            .map(|account| AccountStatus::new(account, callbacks.as_ref(), metrics.as_deref()))
            .collect(),
    })
}

fn open(settings: &Settings) -> Result<Database, CommandError> {
    Ok(database_at(&existing_database(settings)?, false, settings)?)
}

async fn read(
    database: &Database,
    accounts: &[String],
    problems: &mut Vec<String>,
) -> (DatabaseReport, Option<CallbackStatus>) {
    let location = database.location().to_owned();
    let (state, callbacks) = match ask(database, accounts).await {
        Ok((state, callbacks)) => (Some(state), callbacks),
        Err(error) => {
            problems.push(format!("the database can't be used: {}", Chain(&error)));
            (None, None)
        }
    };
    let report = DatabaseReport { location, state };
    problems.extend(report.problems());
    (report, callbacks)
}

async fn ask(
    database: &Database,
    accounts: &[String],
) -> Result<(DatabaseStatus, Option<CallbackStatus>), StoreError> {
    let mut reader = StatusReader::open(database).await?;
    reader.check_schema(database).await?;
    let state = reader.database().await?;
    let callbacks = reader.callbacks(accounts).await?;
    reader.close().await;
    Ok((state, callbacks))
}

fn spool_status(settings: &Settings) -> Result<SpoolStatus, CommandError> {
    let directory = spool_options(settings).directory;
    let files = spool::survey(&directory)?;
    let (aside, waiting): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| spool::is_set_aside(&file.path));
    Ok(SpoolStatus {
        callbacks: waiting.iter().map(|file| file.callbacks).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        oldest: waiting.iter().filter_map(|file| file.oldest).min(),
        in_use: waiting.iter().any(|file| file.contents == Contents::InUse),
        set_aside: aside.len(),
        directory,
    })
}
