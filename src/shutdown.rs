//! When to stop: the signals of operators and supervisors.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told twice to stop.
const STOPPED_AT_ONCE: i32 = 130;

/// The returned token is cancelled at the first SIGTERM or SIGINT. The second ends the process at
/// once.
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
                tracing::warn!(signal = name, "told to stop again: stopping at once");
                std::process::exit(STOPPED_AT_ONCE);
            }
            tracing::info!(
                signal = name,
                "stopping: finishing what is under way; once more to stop at once"
            );
            stopping.cancel();
        }
    });
    Ok(stop)
}
