//! Stopping by signal, as operators and supervisors ask for it.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after the second signal.
const STOPPED_AT_ONCE: i32 = 130;

/// The token is cancelled by the first SIGTERM or SIGINT. The second ends the process at once.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if stopping.is_cancelled() {
                tracing::warn!(signal = name, "second signal: stopping at once");
                std::process::exit(STOPPED_AT_ONCE);
            }
            tracing::info!(
                signal = name,
                "stopping: finishing what is in progress; a second signal stops at once"
            );
            stopping.cancel();
        }
    });
    Ok(stop)
}
