//! What each command does.

use std::io::{self, Write};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::{Cli, Command};
use crate::config::{self, DatabaseSource, NoAccount, Settings, Sources};
use crate::first_run::reachable;
use crate::{shutdown, telemetry};

use super::service::{database_at, database_of};
use super::{AppError, Service, redecode, rejected, simulate, spool_commands};

/// How long `health` waits for an answer.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the command that was asked for.
pub async fn run(cli: &Cli) -> Result<(), AppError> {
    let settings = Settings::load(&Sources::of_process(cli.config.clone()))?;
    match cli.chosen() {
        Command::Serve => serve(settings).await,
        Command::Migrate => migrate(&settings).await,
        Command::Check => check(&settings),
        Command::Spool(command) => spool_commands::run(&command, &settings).await,
        Command::Redecode(arguments) => redecode::run(&arguments, &settings).await,
        Command::Rejected(command) => rejected::run(&command, &settings).await,
        Command::Simulate(arguments) => simulate::run(&arguments, &settings).await,
        Command::Health => health(&settings).await,
    }
}

async fn serve(settings: Settings) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let stop = shutdown::on_signal().map_err(AppError::Signals)?;
    let Some(starting) = stop.run_until_cancelled(Service::start(settings)).await else {
        return Ok(());
    };
    let service = starting?;
    stop.cancelled().await;
    service.stop().await;
    tracing::info!("stopped");
    Ok(())
}

async fn migrate(settings: &Settings) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    let (url, local) = database_of(settings).await?;
    let migrated = async { database_at(&url, true, settings)?.migrate().await }.await;
    if let Some(local) = local {
        local.stop().await;
    }
    migrated?;
    tracing::info!("the database's schema is up to date");
    Ok(())
}

fn check(settings: &Settings) -> Result<(), AppError> {
    // Nothing to be done about a reader that went away.
    let _ = io::stdout().write_all(config::report(settings).as_bytes());
    match settings.database.source() {
        DatabaseSource::External(_) if settings.accounts.is_empty() => Err(NoAccount.into()),
        _ => Ok(()),
    }
}

/// Asks `/readyz` of the service that runs with these settings.
async fn health(settings: &Settings) -> Result<(), AppError> {
    let address = reachable(settings.admin.listen);
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let answer = timeout(HEALTH_TIMEOUT, ask)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| AppError::NotRunning { address, source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) == Some("200") {
        let _ = writeln!(io::stdout(), "{body}");
        Ok(())
    } else {
        Err(AppError::NotReady(body.to_owned()))
    }
}
