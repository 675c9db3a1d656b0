//! The spool in the data directory, and taking it over from a predecessor.

use tokio::time::sleep;

use crate::config::Settings;
use crate::log_once::LogOnce;
use crate::spool::{Spool, SpoolError, SpoolOptions};

use super::sockets::TAKE_OVER_POLL;

/// About 15,000 callbacks. A file is removed when all of it is in Postgres.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

pub(crate) fn spool_options(settings: &Settings) -> SpoolOptions {
    SpoolOptions {
        directory: settings.data_dir.join("spool"),
        segment_bytes: SEGMENT_BYTES,
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
    let waiting = LogOnce::default();
    loop {
        match Spool::open(options.clone()) {
            Err(SpoolError::InUse { .. }) if taking_over => {
                if waiting.begin() {
                    tracing::info!("waiting for another process to release the data directory");
                }
                sleep(TAKE_OVER_POLL).await;
            }
            opened => return opened,
        }
    }
}
