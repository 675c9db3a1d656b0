//! Standard output and standard error: the one place that prints for people and for programs.
//!
//! Everything that could control a terminal is escaped. A reader that closes the pipe early, such as
//! `head`, is not an error; a disk that is full is.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error_chain::Chain;
use crate::escaped::{Escaped, escaped_lines};

use super::CommandError;

/// Prints one line to standard output. Line breaks in it are escaped too.
pub(super) fn print_line(line: impl Display) -> Result<(), CommandError> {
    print(&Escaped(line))
}

/// Prints a text with line breaks of its own to standard output.
pub(super) fn print_lines(text: impl Display) -> Result<(), CommandError> {
    print(&escaped_lines(&text.to_string()))
}

/// Prints an error with its causes to standard error.
pub fn print_error(error: &dyn Error) {
    print_to_stderr(&format!("routo-receiver: {}\n", Chain(error)));
}

/// Prints to standard error. If that fails, nobody is left to tell.
pub(super) fn print_to_stderr(text: &str) {
    let _ = io::stderr().write_all(escaped_lines(text).as_bytes());
}

/// RFC 3339, but for a year outside of 0 to 9999, for which that has no form.
pub(super) fn format_time(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

fn print(text: &impl Display) -> Result<(), CommandError> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}
