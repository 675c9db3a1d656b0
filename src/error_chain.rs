//! Displays an error with its causes on one line, for logs and for people.

use std::error::Error;
use std::fmt;

use crate::escaped::Escaped;

/// Displays an error, then each of its sources, separated by `: `. Sources are escaped: Postgres, say, quotes
/// what strangers sent.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        // Some errors repeat their source in their own text.
        let mut previous = self.0.to_string();
        while let Some(error) = cause {
            let text = error.to_string();
            if !previous.contains(&text) {
                write!(f, ": {}", Escaped(&text))?;
            }
            previous = text;
            cause = error.source();
        }
        Ok(())
    }
}
