//! Differences between what is stored and what was acknowledged.

use std::fmt;

/// The most characters of a text that are shown.
const SHOWN: usize = 60;

/// A difference between what is stored and what was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An acknowledged attempt has no row.
    Missing { callback: u64, attempt: u32 },
    /// An attempt has more than one row.
    Doubled { callback: u64, attempt: u32 },
    /// A row differs from what was sent.
    Different {
        callback: u64,
        attempt: u32,
        column: &'static str,
        expected: String,
        stored: String,
    },
    /// A row of this run that matches no attempt.
    Unexpected { extra: String },
}

/// Counts of the differences, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows of this run.
    pub rows: u64,
    /// Acknowledged attempts without a row.
    pub missing: u64,
    /// Attempts with more than one.
    pub doubled: u64,
    /// Rows that differ from what was sent.
    pub different: u64,
    /// Rows that match no attempt.
    pub unexpected: u64,
    /// The first of them, in the order in which they were found.
    pub described: Vec<Difference>,
}

impl Verdict {
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.missing + self.doubled + self.different + self.unexpected
    }

    pub(super) fn add(&mut self, difference: Difference, limit: usize) {
        *match difference {
            Difference::Missing { .. } => &mut self.missing,
            Difference::Doubled { .. } => &mut self.doubled,
            Difference::Different { .. } => &mut self.different,
            Difference::Unexpected { .. } => &mut self.unexpected,
        } += 1;
        if self.described.len() < limit {
            self.described.push(difference);
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { callback, attempt } => {
                write!(
                    f,
                    "callback {callback}: attempt {attempt} was acknowledged and is not stored"
                )
            }
            Self::Doubled { callback, attempt } => {
                write!(f, "callback {callback}: attempt {attempt} is stored more than once")
            }
            Self::Different { callback, attempt, column, expected, stored } => write!(
                f,
                "callback {callback}: {column} of attempt {attempt} should be {expected:?} and is {stored:?}"
            ),
            Self::Unexpected { extra } => {
                write!(f, "a row that matches no attempt, with the parameters {extra:?}")
            }
        }
    }
}

/// Truncates a long text.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).expect("a character begins there")),
        None => text.to_owned(),
    }
}
