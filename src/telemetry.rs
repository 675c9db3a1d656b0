//! The log: where it goes, its format, and what is kept out of it.

use std::io::{self, IsTerminal};

use tracing::field::display;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::config::{LogFormat, LogSettings};

/// Logs to standard error, from now on and for the whole process.
///
/// A panic is logged as one error with its location. Its message is left out: it may quote the data
/// that was being processed, and so a secret.
pub fn start(settings: &LogSettings) {
    let terminal = io::stderr().is_terminal();
    let pretty = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = if pretty {
        fmt::layer().with_writer(io::stderr).with_ansi(terminal).with_target(false).boxed()
    } else {
        fmt::layer().with_writer(io::stderr).json().flatten_event(true).boxed()
    };
    let started =
        tracing_subscriber::registry().with(lines).with(settings.level.clone()).try_init();
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(display);
        tracing::error!(place, "a bug: the program panicked");
    }));
}
