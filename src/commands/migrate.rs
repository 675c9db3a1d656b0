//! `routo-receiver migrate`: brings the schema up to date.

use crate::config::Settings;
use crate::service::OpenDatabase;
use crate::telemetry;

use super::CommandError;

pub(super) async fn run(settings: &Settings) -> Result<(), CommandError> {
    telemetry::start(&settings.log);
    let open = OpenDatabase::open(settings, true).await?;
    let migrated = open.database.migrate().await;
    open.close().await;
    migrated?;
    tracing::info!("the database schema is up to date");
    Ok(())
}
