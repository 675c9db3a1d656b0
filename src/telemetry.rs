//! The log: where it goes, its format, and what is kept out of it.

mod escaping;

use std::io::{self, IsTerminal};

use tracing::field::display;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;
use tracing_subscriber::reload;

use crate::config::{LogFormat, LogSettings};

use escaping::{EscapedFields, EscapedLines};

/// Which lines are logged; can be changed while the process runs.
#[derive(Debug)]
pub struct LogLevel(reload::Handle<Targets, Registry>);

impl LogLevel {
    /// Has no effect in a process whose log was started before.
    pub fn set(&self, level: Targets) {
        if self.0.reload(level).is_err() {
            tracing::debug!("another log is in use");
        }
    }
}

/// Logs to standard error, from now on and for the whole process. What could control a terminal, or
/// look like another line, is escaped.
///
/// A panic is logged as one error with its location. Its message is left out: it may quote the data
/// that was being processed, and so a secret.
pub fn start(settings: &LogSettings) -> LogLevel {
    let terminal = io::stderr().is_terminal();
    let pretty = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = if pretty {
        // Its colours are escape sequences, so the fields are escaped one by one.
        fmt::layer()
            .fmt_fields(EscapedFields)
            .with_writer(io::stderr)
            .with_ansi(terminal)
            .with_target(false)
            .boxed()
    } else {
        let escaped = || EscapedLines(io::stderr());
        fmt::layer().with_writer(escaped).json().flatten_event(true).boxed()
    };
    let (level, handle) = reload::Layer::new(settings.level.clone());
    let started = tracing_subscriber::registry().with(level).with(lines).try_init();
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(display);
        tracing::error!(place, "a bug: the program panicked");
    }));
    LogLevel(handle)
}
