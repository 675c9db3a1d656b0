//! `routo-receiver health`: asks `/readyz` of a running service.

use crate::config::Settings;

use super::CommandError;
use super::admin_client::{self, Answer};
use super::output::print_line;

pub(super) async fn run(settings: &Settings) -> Result<(), CommandError> {
    print_line(readiness(settings).await?)
}

/// What a ready service says; otherwise [`CommandError::NotReady`] or [`CommandError::NotRunning`].
pub(super) async fn readiness(settings: &Settings) -> Result<String, CommandError> {
    match admin_client::get(settings, "/readyz").await? {
        Answer { is_ok: true, body } if body.starts_with("OK: callbacks go to ") => Ok(body),
        Answer { is_ok: false, body } if body.starts_with("not ready: ") => {
            Err(CommandError::NotReady(body))
        }
        Answer { .. } => Err(CommandError::AnotherProgram { address: settings.admin.listen }),
    }
}
