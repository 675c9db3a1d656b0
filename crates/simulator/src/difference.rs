//! Where what is stored and what was acknowledged differ, in numbers and in words.

use std::fmt;

/// Characters of a text that are shown.
const SHOWN: usize = 60;

/// Where what is stored and what was acknowledged differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Acknowledged, and there is no row.
    Missing {
        /// The callback.
        callback: u64,
        /// The attempt that was acknowledged.
        attempt: u32,
    },
    /// An attempt has more than one row.
    Doubled {
        /// The callback.
        callback: u64,
        /// The attempt.
        attempt: u32,
    },
    /// A row says something else than was expected.
    Different {
        /// The callback.
        callback: u64,
        /// The attempt.
        attempt: u32,
        /// The column.
        column: &'static str,
        /// What was expected.
        expected: String,
        /// What is stored.
        stored: String,
    },
    /// A row of this run that no attempt explains.
    Unexpected {
        /// Its parameters.
        extra: String,
    },
}

/// How often each kind of difference was found, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows of this run.
    pub rows: u64,
    /// Acknowledged attempts without a row.
    pub missing: u64,
    /// Attempts with more than one.
    pub doubled: u64,
    /// Rows that say something else than was expected.
    pub different: u64,
    /// Rows that no attempt explains.
    pub unexpected: u64,
    /// Some of them.
    pub described: Vec<Difference>,
}

impl Verdict {
    /// How many differences there are.
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
                "callback {callback}: {column} of attempt {attempt} was to be {expected:?} and is {stored:?}"
            ),
            Self::Unexpected { extra } => {
                write!(f, "a row that no attempt explains, with the parameters {extra:?}")
            }
        }
    }
}

/// The beginning of a text, where it is long.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
