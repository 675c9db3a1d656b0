//! Escapes what is logged: an error's text may quote a stranger, and a terminal obeys what it reads.

use std::fmt::{self, Debug};
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use crate::escaped::{Escaped, escaped_lines};

/// Formats fields as `tracing_subscriber` does by default, with each value escaped.
pub(super) struct EscapedFields;

impl<'writer> FormatFields<'writer> for EscapedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = EscapingVisitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct EscapingVisitor<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl EscapingVisitor<'_> {
    fn write(&mut self, field: &Field, value: &dyn Debug) -> fmt::Result {
        if !std::mem::replace(&mut self.is_first, false) {
            self.writer.write_char(' ')?;
        }
        match field.name() {
            "message" => {}
            // The name in italics, the equals sign dimmed.
            name if self.writer.has_ansi_escapes() => {
                write!(self.writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m")?;
            }
            name => write!(self.writer, "{name}=")?,
        }
        write!(self.writer, "{}", Escaped(format_args!("{value:?}")))
    }
}

impl Visit for EscapingVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.result.is_ok() {
            self.result = self.write(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }
}

/// Writes lines, escaped, each time all at once. JSON keeps its meaning.
pub(super) struct EscapedLines<W>(pub(super) W);

impl<W: Write> Write for EscapedLines<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.write_all(escaped_lines(&String::from_utf8_lossy(lines)).as_bytes())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;
    use tracing_subscriber::prelude::*;

    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200f}\u{61c}\nWARN a line of its own";
    const SHOWN: &str =
        r"a\u001b[2J\u009b31m\u007f\u202e\u2066\u200f\u061c\u000aWARN a line of its own";

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// The text in every way that a line can hold one.
    fn log_hostile() {
        let error = io::Error::other(HOSTILE);
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::warn!(shown = %HOSTILE, error, place = tracing::field::display(HOSTILE), "{HOSTILE}");
    }

    #[test]
    fn a_pretty_line_stays_one_line_and_controls_no_terminal() {
        for ansi in [false, true] {
            let log = Log::default();
            let to = log.clone();
            let lines = fmt::layer()
                .fmt_fields(EscapedFields)
                .with_writer(move || to.clone())
                .with_ansi(ansi)
                .with_target(false);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
                log_hostile();
                tracing::info!(name = "quoted", count = 3, "plain");
            });
            let text = log.text();
            assert_eq!(text.matches(SHOWN).count(), 4, "{text}");
            assert_eq!(text.lines().count(), 2, "{text}");
            if ansi {
                assert!(text.contains("\x1b[3mcount\x1b[0m\x1b[2m=\x1b[0m3"), "{text}");
            } else {
                assert!(text.ends_with(" INFO plain name=\"quoted\" count=3\n"), "{text}");
                assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
            }
        }
    }

    #[test]
    fn a_json_line_keeps_its_meaning_and_controls_no_terminal() {
        let log = Log::default();
        let to = log.clone();
        let lines =
            fmt::layer().with_writer(move || EscapedLines(to.clone())).json().flatten_event(true);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log_hostile);
        let text = log.text();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["shown"], HOSTILE);
        assert_eq!(line["message"], HOSTILE);
        assert_eq!(text.matches(char::is_control).count(), 1, "{text}");
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}']), "{text}");
    }
}
