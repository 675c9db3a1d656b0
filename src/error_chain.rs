//! Displays an error with its causes on one line, for logs and for people.

use std::error::Error;
use std::fmt;

use crate::escaped::Escaped;

/// Displays an error, then each of its sources, separated by `: `. Sources are escaped: Postgres, say, quotes
/// what strangers sent.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = self.0.source();
        // Some errors repeat their source in their own text.
        let mut previous = text_of(self.0);
        f.write_str(&previous)?;
        while let Some(error) = cause {
            let text = text_of(error);
            if !previous.contains(&text) {
                write!(f, ": {}", Escaped(&text))?;
            }
            previous = text;
            cause = error.source();
        }
        Ok(())
    }
}

/// The text of an error, without the suffix "at line 768" of an error of Postgres: a line of Postgres' own
/// source code, which helps nobody.
fn text_of(error: &dyn Error) -> String {
    let mut text = error.to_string();
    if let Some((message, line)) = text.rsplit_once(" at line ")
        && line.bytes().all(|byte| byte.is_ascii_digit())
    {
        text.truncate(message.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failure {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn causes_follow_without_repetitions_and_without_lines_of_postgres_source_code() {
        let failure =
            |text, source: Option<Failure>| Failure { text, source: source.map(Box::new) };
        let cause = failure("relation \"x\" does not exist at line 1449", None);
        let error = failure(
            "error returned from database: relation \"x\" does not exist at line 1449",
            Some(cause),
        );
        let chain = failure("can't read", Some(error));
        assert_eq!(
            Chain(&chain).to_string(),
            "can't read: error returned from database: relation \"x\" does not exist"
        );
        for text in ["wrong at line 1 column 5", "the train stops at line 3b"] {
            assert_eq!(Chain(&failure(text, None)).to_string(), text);
        }
    }
}
