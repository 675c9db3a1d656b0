//! The signals that a command or the service takes: stop, read the configuration again, and nothing.

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Exit code after the second signal to stop.
const STOPPED_AT_ONCE: i32 = 130;

const INTERACTIVE_STOP: [(&str, Signal); 2] = [("SIGTERM", Signal::TERM), ("SIGINT", Signal::INT)];

/// Signals that end a process by default and ask the service for nothing. A handler, unlike an ignored
/// signal, is not inherited by an embedded Postgres. With SIGXFSZ handled, a write beyond the limit of a
/// file's size is an error like any other. Signals that report a fault of the program keep their default.
const IGNORED: &[Signal] = &[
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::XCPU,
    Signal::XFSZ,
    #[cfg(target_os = "linux")]
    Signal::STKFLT,
    #[cfg(target_os = "linux")]
    Signal::POWER,
];

/// The real-time signals; the C library keeps the first ones for itself.
#[cfg(target_os = "linux")]
const REAL_TIME: std::ops::RangeInclusive<i32> =
    if cfg!(target_env = "musl") { 35..=64 } else { 34..=64 };

/// What signals ask of the service.
#[derive(Debug)]
pub struct ServiceSignals {
    /// Cancelled by the first SIGTERM, SIGINT or SIGQUIT. The second ends the process at once.
    pub stop: CancellationToken,
    /// By SIGHUP.
    pub reload: Reload,
}

/// Says when to read the configuration, and the files that it names, again. Each clone hears every
/// request; requests that come while a clone is busy with one are one more.
#[derive(Clone, Debug)]
pub struct Reload(watch::Receiver<()>);

impl Reload {
    /// Waits for the next request. Cancel-safe.
    pub async fn requested(&mut self) {
        if self.0.changed().await.is_err() {
            // The runtime is stopping.
            std::future::pending::<()>().await;
        }
    }
}

/// The signals of a command: the token is cancelled by the first SIGTERM or SIGINT, the second ends the
/// process at once, and the others keep their default.
pub fn of_command() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for (name, kind) in INTERACTIVE_STOP {
        stop_on(name, kind, stop.clone())?;
    }
    Ok(stop)
}

/// The signals of the service. None but SIGKILL and those of a fault ends it in disorder.
pub fn of_service() -> io::Result<ServiceSignals> {
    let stop = of_command()?;
    stop_on("SIGQUIT", Signal::QUIT, stop.clone())?;
    for ignored in IGNORED {
        // The handler stays when the receiver is dropped.
        drop(signal(kind(*ignored))?);
    }
    #[cfg(target_os = "linux")]
    for number in REAL_TIME {
        drop(signal(SignalKind::from_raw(number))?);
    }
    let (request, requested) = watch::channel(());
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            request.send_replace(());
        }
    });
    Ok(ServiceSignals { stop, reload: Reload(requested) })
}

fn stop_on(name: &'static str, which: Signal, stop: CancellationToken) -> io::Result<()> {
    let mut received = signal(kind(which))?;
    tokio::spawn(async move {
        while received.recv().await.is_some() {
            if stop.is_cancelled() {
                tracing::warn!(signal = name, "second signal: stopping at once");
                std::process::exit(STOPPED_AT_ONCE);
            }
            tracing::info!(
                signal = name,
                "stopping: finishing what is in progress; a second signal stops at once"
            );
            stop.cancel();
        }
    });
    Ok(())
}

fn kind(signal: Signal) -> SignalKind {
    SignalKind::from_raw(signal.as_raw())
}
