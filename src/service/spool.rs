//! The spool in the data directory, and taking it over from a predecessor.

use tokio::time::sleep;

use crate::config::Settings;
use crate::spool::{Spool, SpoolError, SpoolOptions};

use super::sockets::TAKE_OVER_POLL;

pub(crate) fn spool_options(settings: &Settings) -> SpoolOptions {
    SpoolOptions {
        directory: settings.data_dir.join("spool"),
        max_bytes: settings.spool.max_bytes,
        min_free_bytes: settings.spool.min_free_bytes,
    }
}

/// Locks the spool's directory. A process that takes over the sockets of another waits until that
/// one releases the lock, which it does when it stops accepting connections.
pub(super) async fn open_spool(
    settings: &Settings,
    taking_over: bool,
) -> Result<Spool, SpoolError> {
    let options = spool_options(settings);
    let mut waiting = false;
    loop {
        match Spool::open(options.clone()) {
            Err(SpoolError::InUse { .. }) if taking_over => {
                if !waiting {
                    tracing::info!("waiting for another process to release the data directory");
                    waiting = true;
                }
                sleep(TAKE_OVER_POLL).await;
            }
            opened => return opened,
        }
    }
}
