//! `routo-receiver serve`: runs the service until a signal stops it.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use crate::config::{Settings, Sources};
use crate::error_chain::Chain;
use crate::service::Service;
use crate::signals::{self, Reload, ServiceSignals};
use crate::telemetry::{self, LogLevel};

use super::CommandError;
use super::output::print_lines;

/// `file` is the configuration file that the command line names.
pub(super) async fn run(settings: Settings, file: Option<PathBuf>) -> Result<(), CommandError> {
    let level = telemetry::start(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let ServiceSignals { stop, reload } = signals::of_service().map_err(CommandError::Signals)?;
    tokio::spawn(keep_log_level(level, file, reload));
    let Some(started) = stop.run_until_cancelled(Service::start(settings)).await else {
        return Ok(());
    };
    let service = started?;
    if let Some(first_run) = &service.first_run
        && io::stdout().is_terminal()
        && let Err(error) = print_lines(first_run)
    {
        tracing::warn!(%error, "can't print the generated credentials");
    }
    stop.cancelled().await;
    service.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Reads the configuration again at each request, for `log.level`. Every other key needs a restart.
async fn keep_log_level(level: LogLevel, file: Option<PathBuf>, mut reload: Reload) {
    loop {
        reload.requested().await;
        match Settings::load(&Sources::of_process(file.clone())) {
            Ok(settings) => {
                let new = settings.log.level;
                level.set(new.clone());
                tracing::info!(level = %new, "log.level was read again; other keys need a restart");
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the configuration can't be read again: log.level stays as it is");
            }
        }
    }
}
