//! What a service has stored, held against what it has acknowledged.
//!
//! A row belongs to an attempt. An acknowledged attempt must have exactly one; every other attempt
//! may have one, because the service may have taken it without the answer having come through. No
//! attempt may have two, and every row must say what was expected.

use serde_json::{Map, Value};

use super::difference::{Difference, Verdict, shortened};
use super::ledger::{Fate, Ledger};
use super::script::{Expected, ExpectedRow, MARK, Planned, SCENE, Script};

/// Scenes that are kept ready: rows come about in the order in which callbacks were sent.
const SCENES: u64 = 256;

/// Differences that are described; all are counted.
const DESCRIBED: usize = 100;

/// Looks at every row of a run, once, in any order.
pub struct Judge<'a> {
    script: &'a Script,
    ledger: &'a Ledger,
    /// Whether the text is to be judged of messages with this `dcs`.
    reads: &'a dyn Fn(Option<&str>) -> bool,
    scenes: Vec<Vec<Planned>>,
    /// Two bits an attempt: how many rows it has, three at most.
    seen: Vec<u8>,
    verdict: Verdict,
    /// How many differences are described.
    limit: usize,
}

impl<'a> Judge<'a> {
    /// `reads` says of which `dcs` the service reads text as the gateway's document has it; of others
    /// only the bytes are compared.
    pub fn new(
        script: &'a Script,
        ledger: &'a Ledger,
        reads: &'a dyn Fn(Option<&str>) -> bool,
    ) -> Self {
        let seen = vec![0; usize::try_from(ledger.end()).unwrap_or_default()];
        let scenes = (0..SCENES).map(|_| Vec::new()).collect();
        Self { script, ledger, reads, scenes, seen, verdict: Verdict::default(), limit: DESCRIBED }
    }

    /// Describes every difference, not only the first 100.
    #[must_use]
    pub fn describing_all(mut self) -> Self {
        self.limit = usize::MAX;
        self
    }

    /// A row, and its parameters that no document names, as JSON.
    pub fn row(&mut self, row: &ExpectedRow, extra: &str) {
        self.verdict.rows += 1;
        let found: Map<String, Value> = serde_json::from_str(extra).unwrap_or_default();
        let Some((callback, attempt)) = self.attempt_of(&found) else {
            self.add(Difference::Unexpected { extra: shortened(extra) });
            return;
        };
        if self.count(callback, attempt) == 2 {
            self.add(Difference::Doubled { callback, attempt });
        }
        let reads = self.reads;
        let planned = self.planned(callback);
        let differing = planned.and_then(|p| differing(&p.expected, row, &found, attempt, reads));
        if let Some((column, expected, stored)) = differing {
            self.add(Difference::Different { callback, attempt, column, expected, stored });
        }
    }

    /// The callback of that number, made again.
    fn planned(&mut self, callback: u64) -> Option<&Planned> {
        let (scene, place) = (callback / SCENE, usize::try_from(callback % SCENE).ok()?);
        let kept = self.scenes.get_mut(usize::try_from(scene % SCENES).ok()?)?;
        if kept.first().is_none_or(|first| first.number != scene * SCENE) {
            *kept = self.script.scene(scene);
        }
        kept.get(place)
    }

    /// All rows have been seen.
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        for callback in 0..self.ledger.end() {
            if let Fate::Acknowledged(attempt) = self.ledger.fate(callback)
                && self.rows_of(callback, attempt) == 0
            {
                self.add(Difference::Missing { callback, attempt });
            }
        }
        self.verdict
    }

    fn add(&mut self, difference: Difference) {
        self.verdict.add(difference, self.limit);
    }

    /// The attempt that a row belongs to, if it was made.
    fn attempt_of(&self, extra: &Map<String, Value>) -> Option<(u64, u32)> {
        let text = |name: &str| extra.get(name).and_then(Value::as_str);
        let (run, callback) = text(MARK)?.rsplit_once('-')?;
        let (callback, attempt) = (callback.parse().ok()?, text("attempt")?.parse().ok()?);
        let made = match self.ledger.fate(callback) {
            Fate::Unknown => 0,
            Fate::Acknowledged(attempts) | Fate::GivenUp(attempts) => attempts,
        };
        (run == self.script.run && (1..=made).contains(&attempt)).then_some((callback, attempt))
    }

    fn rows_of(&self, callback: u64, attempt: u32) -> u8 {
        let place = usize::try_from(callback).ok();
        let seen = place.and_then(|place| self.seen.get(place)).copied().unwrap_or_default();
        seen >> shift(attempt) & 0b11
    }

    /// Counts a row of an attempt: how many there are now, three at most.
    fn count(&mut self, callback: u64, attempt: u32) -> u8 {
        let rows = self.rows_of(callback, attempt);
        if rows < 3
            && let Some(seen) =
                usize::try_from(callback).ok().and_then(|place| self.seen.get_mut(place))
        {
            *seen += 1 << shift(attempt);
        }
        (rows + 1).min(3)
    }
}

/// Where an attempt's two bits are: there are four attempts at most.
fn shift(attempt: u32) -> u32 {
    attempt.saturating_sub(1).min(3) * 2
}

/// The first column that differs, with both of its values.
fn differing(
    expected: &Expected,
    stored: &ExpectedRow,
    extra: &Map<String, Value>,
    attempt: u32,
    reads: &dyn Fn(Option<&str>) -> bool,
) -> Option<(&'static str, String, String)> {
    if expected.row != *stored {
        let with_text = match &expected.row {
            ExpectedRow::Report { .. } => true,
            ExpectedRow::Message { dcs, .. } => reads(dcs.as_deref()),
        };
        let (expected, stored) = (columns(&expected.row), columns(stored));
        let pairs = expected.into_iter().zip(stored);
        let differing = pairs
            .filter(|((column, _), _)| with_text || *column != "message")
            .find(|(expected, stored)| expected != stored);
        if let Some(((column, expected), (_, stored))) = differing {
            return Some((column, shortened(&expected), shortened(&stored)));
        }
    }
    let attempt = ("attempt", attempt.to_string());
    let others = expected.extra.iter().chain(std::iter::once(&attempt));
    let expected: Map<String, Value> =
        others.map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    (expected != *extra).then(|| {
        let text = |map: &Map<String, Value>| Value::Object(map.clone()).to_string();
        ("extra", text(&expected), text(extra))
    })
}

/// What a row is in columns. Of the bytes as much is told as of a text.
fn columns(row: &ExpectedRow) -> Vec<(&'static str, String)> {
    match row {
        ExpectedRow::Report { mess_id, number, status } => vec![
            ("mess_id", mess_id.clone()),
            ("number", number.clone()),
            ("status", status.clone()),
        ],
        ExpectedRow::Message { org, dest, dcs, message, message_raw } => vec![
            ("org", org.clone()),
            ("dest", dest.clone()),
            ("dcs", dcs.clone().unwrap_or_else(|| "none".to_owned())),
            ("message_raw", format!("{message_raw:02x?}")),
            ("message", message.clone()),
        ],
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
