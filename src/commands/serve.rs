//! `routo-receiver serve`: runs the service until a signal stops it.

use std::io::{self, IsTerminal};

use crate::config::Settings;
use crate::service::Service;
use crate::shutdown;
use crate::telemetry;

use super::CommandError;
use super::output::print_lines;

pub(super) async fn run(settings: Settings) -> Result<(), CommandError> {
    telemetry::start(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let stop = shutdown::on_signal().map_err(CommandError::Signals)?;
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
