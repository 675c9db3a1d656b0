//! Typed values from the merged layers; what is wrong with them is noted, and reading goes on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ::config::{Map, Value, ValueKind};

use crate::domain::Networks;

use super::expected::Expected;
use super::layers::Merged;
use super::origin::Origin;
use super::problem::Problem;
use super::settings::Effective;
use super::warning::Warning;

/// What stands in place of a value that there is not.
pub(super) const NOT_SET: &str = "[not set]";

/// The most characters of a wrong value that are repeated in a problem.
const SHOWN_CHARS: usize = 60;

/// Reads keys one by one. A method that finds a problem notes it and gives `None`.
pub(super) struct Reader {
    merged: Merged,
    read: Read,
}

/// What was noted while reading.
#[derive(Default)]
pub(super) struct Read {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    pub(super) effective: Vec<Effective>,
}

impl Reader {
    pub(super) fn new(merged: Merged) -> Self {
        Self { merged, read: Read::default() }
    }

    pub(super) fn finish(self) -> Read {
        self.read
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.read.problems.push(problem);
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.read.warnings.push(warning);
    }

    /// The accounts that are mentioned anywhere, and where.
    pub(super) fn accounts(&self) -> BTreeMap<String, Origin> {
        self.merged.accounts.clone()
    }

    /// The names in a section, in order.
    pub(super) fn names_in(&self, section: &str) -> Vec<String> {
        match self.value(section).map(|value| &value.kind) {
            Some(ValueKind::Table(section)) => {
                let mut names: Vec<String> = section.keys().cloned().collect();
                names.sort_unstable();
                names
            }
            _ => Vec::new(),
        }
    }

    /// Where a key is set, if it is.
    pub(super) fn origin(&self, key: &str) -> Option<Origin> {
        self.value(key).map(|value| Origin::from_tag(value.origin()))
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        let mut section: &Map<String, Value> = &self.merged.values;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            let value = section.get(part)?;
            if parts.peek().is_none() {
                return Some(value);
            }
            let ValueKind::Table(inner) = &value.kind else {
                return None;
            };
            section = inner;
        }
        None
    }

    /// A value that has to be there and is accepted by `parse`.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        expected: Expected,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.problem(Problem::Missing { key: key.to_owned() });
        }
        self.optional(key, expected, parse)
    }

    /// A value that may be missing, and is accepted by `parse` if it is there.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        expected: Expected,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.value(key) else {
            self.effective(key, NOT_SET, Origin::Default);
            return None;
        };
        let (text, origin) = (value.kind.to_string(), Origin::from_tag(value.origin()));
        let parsed = parse(&text);
        if parsed.is_some() {
            self.effective(key, &text, origin);
        } else {
            // A URL is the one plain value in which people put passwords.
            let shown =
                (expected != Expected::PublicUrl).then(|| text.chars().take(SHOWN_CHARS).collect());
            self.problem(Problem::Invalid { key: key.to_owned(), origin, value: shown, expected });
        }
        parsed
    }

    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Option<T> {
        let expected = Expected::Number { min: *range.start(), max: *range.end() };
        self.required(key, expected, |text| {
            let number: u64 = text.parse().ok()?;
            range.contains(&number).then_some(number)?.try_into().ok()
        })
    }

    pub(super) fn duration(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let expected = Expected::Duration { min: *range.start(), max: *range.end() };
        self.required(key, expected, |text| duration_in(&range, text))
    }

    pub(super) fn optional_duration(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let expected = Expected::Duration { min: *range.start(), max: *range.end() };
        self.optional(key, expected, |text| duration_in(&range, text))
    }

    pub(super) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.required(key, Expected::Address, |text| text.parse().ok())
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.required(key, Expected::Boolean, |text| match text {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        })
    }

    /// A list of networks that may be missing.
    pub(super) fn networks(&mut self, key: &str) -> Option<Networks> {
        self.optional(key, Expected::Networks, |text| text.parse().ok())
    }

    pub(super) fn directory(text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| text.into())
    }

    /// A text whose exact form matters, so that in a file it has to be in quotes.
    pub(super) fn exact_text(&mut self, key: &str, max_chars: usize) -> Option<String> {
        if let Some(value) = self.value(key)
            && !matches!(value.kind, ValueKind::String(_))
        {
            let origin = Origin::from_tag(value.origin());
            self.problem(Problem::NeedsQuotes { key: key.to_owned(), origin });
            return None;
        }
        self.optional(key, Expected::Text { max_chars }, |text| {
            is_text(text, max_chars).then(|| text.to_owned())
        })
    }

    pub(super) fn effective(&mut self, key: &str, value: &str, origin: Origin) {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.read.effective.push(Effective { key, value, origin });
    }
}

fn duration_in(range: &RangeInclusive<Duration>, text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|duration| range.contains(duration))
}

/// Whether this is 1 to `max_chars` characters that can be typed.
pub(super) fn is_text(text: &str, max_chars: usize) -> bool {
    (1..=max_chars).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
