//! Compares what a service has stored with what it has acknowledged.
//!
//! A row belongs to an attempt. An acknowledged attempt must have exactly one row. Any other attempt
//! may have one: the service may have accepted it, and the response got lost. No attempt may have two
//! rows, and every row must be as it was sent.

use serde_json::{Map, Value};

use super::difference::{Difference, Verdict, shortened};
use super::ledger::{Fate, Ledger, place_of};
use super::script::{Expected, ExpectedRow, MARK, Planned, SCENE, Script};

/// Scenes in the cache: rows arrive roughly in the order in which callbacks were sent.
const SCENES: u64 = 256;

/// Differences that are described by default; all are counted.
const DESCRIBED: usize = 100;

/// Is given every row of a run once, in any order.
pub struct Judge<'a> {
    script: &'a Script,
    ledger: &'a Ledger,
    /// Whether the text of messages with this `dcs` is compared.
    reads: &'a dyn Fn(Option<&str>) -> bool,
    scenes: Vec<Vec<Planned>>,
    /// Two bits for each attempt: how many rows it has, at most three.
    seen: Vec<u8>,
    verdict: Verdict,
    limit: usize,
}

impl<'a> Judge<'a> {
    /// `reads` says for which `dcs` the service decodes text as the gateway's document says; for others,
    /// only the bytes are compared.
    pub fn new(
        script: &'a Script,
        ledger: &'a Ledger,
        reads: &'a dyn Fn(Option<&str>) -> bool,
    ) -> Self {
        let seen = vec![0; place_of(ledger.end())];
        let scenes = (0..SCENES).map(|_| Vec::new()).collect();
        Self { script, ledger, reads, scenes, seen, verdict: Verdict::default(), limit: DESCRIBED }
    }

    /// Describes every difference, not only the first 100.
    #[must_use]
    pub fn describing_all(mut self) -> Self {
        self.limit = usize::MAX;
        self
    }

    /// `extra` is the JSON of the parameters that the gateway's document does not name.
    pub fn row(&mut self, row: &ExpectedRow, extra: &str) {
        self.verdict.rows += 1;
        // JSON of another shape matches no attempt.
        let found: Option<Map<String, Value>> = serde_json::from_str(extra).ok();
        let attempt = found.as_ref().and_then(|found| self.attempt_of(found));
        let (Some(found), Some((callback, attempt))) = (found, attempt) else {
            self.add(Difference::Unexpected { extra: shortened(extra) });
            return;
        };
        if self.count(callback, attempt) == 2 {
            self.add(Difference::Doubled { callback, attempt });
        }
        let reads = self.reads;
        let planned = self.planned(callback);
        if let Some((column, expected, stored)) =
            differing(&planned.expected, row, &found, attempt, reads)
        {
            self.add(Difference::Different { callback, attempt, column, expected, stored });
        }
    }

    /// A callback that the database refused, and that the service keeps elsewhere. `parameters` are a form.
    pub fn rejected(&mut self, parameters: &str) {
        self.verdict.rows += 1;
        let parameters = form_urlencoded::parse(parameters.as_bytes());
        let found: Map<String, Value> =
            parameters.map(|(name, value)| (name.into_owned(), value.into())).collect();
        match self.attempt_of(&found) {
            None => self
                .add(Difference::Unexpected { extra: shortened(&Value::from(found).to_string()) }),
            Some((callback, attempt)) if self.count(callback, attempt) == 2 => {
                self.add(Difference::Doubled { callback, attempt });
            }
            Some((callback, attempt)) => {
                let (expected, stored) = ("its own".to_owned(), "rejected_callbacks".to_owned());
                self.add(Difference::Different {
                    callback,
                    attempt,
                    column: "the table",
                    expected,
                    stored,
                });
            }
        }
    }

    /// The callback with this number, generated again.
    fn planned(&mut self, callback: u64) -> &Planned {
        let scene = callback / SCENE;
        let kept = self.scenes.get_mut(place_of(scene % SCENES)).expect("there are so many");
        if kept.first().is_none_or(|first| first.number != scene * SCENE) {
            *kept = self.script.scene(scene);
        }
        kept.get(place_of(callback % SCENE)).expect("a scene has so many callbacks")
    }

    /// To be asked when all rows have been given.
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

    /// The attempt that a row belongs to, if the attempt was made.
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
        let seen =
            self.seen.get(place_of(callback)).expect("only callbacks of the ledger are seen");
        seen >> shift(attempt) & 0b11
    }

    /// Counts a row of an attempt, and returns how many there are now, at most three.
    fn count(&mut self, callback: u64, attempt: u32) -> u8 {
        let rows = self.rows_of(callback, attempt);
        if rows < 3 {
            let seen = self.seen.get_mut(place_of(callback));
            *seen.expect("only callbacks of the ledger are seen") += 1 << shift(attempt);
        }
        (rows + 1).min(3)
    }
}

/// The position of an attempt's two bits.
fn shift(attempt: u32) -> u32 {
    assert!((1..=4).contains(&attempt), "the gateway makes at most four attempts");
    (attempt - 1) * 2
}

/// The first column that differs, with both values.
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

/// The columns of a row, as text.
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
