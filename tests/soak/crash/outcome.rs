//! What a scenario came to.

use std::fmt::Debug;
use std::time::Duration;

use crate::world::World;
use testkit::judge::Findings;
use testkit::record::Record;

#[derive(Default)]
pub struct Outcome {
    pub cycles: u32,
    /// Callbacks that were sent.
    pub sent: u64,
    /// Callbacks that were answered 200.
    pub acknowledged: u64,
    /// Attempts with another answer, and attempts with none.
    pub other_answers: usize,
    pub failed_attempts: usize,
    pub lost: usize,
    pub doubled: usize,
    pub worst: Duration,
    pub p99: Duration,
    /// What was measured besides.
    pub notes: Vec<String>,
    /// What should not be; empty when all is well.
    pub problems: Vec<String>,
    /// Why it could not be run on this machine.
    pub not_run: Option<String>,
}

impl Outcome {
    pub fn not_run(why: String) -> Self {
        Self { not_run: Some(why), ..Self::default() }
    }

    /// Waits until everything acknowledged is in Postgres, and judges that.
    pub async fn settled(cycles: u32, world: &World, record: &Record) -> Self {
        let findings = world.settle(record).await;
        let mut outcome = Self::of(cycles, record, &findings);
        let lost = &findings.lost;
        outcome.demand(lost.is_empty(), || format!("lost: {}", some(lost)));
        let left = world.service.spool_files();
        outcome.demand(left.is_empty(), || format!("the spool is not empty: {left:?}"));
        let ready = world.service.readyz().await;
        let is_ready = ready.as_ref().is_some_and(|answer| answer.status == 200);
        outcome.demand(is_ready, || format!("not ready in the end: {ready:?}"));
        outcome
    }

    /// The figures, and what is never right: doubled rows, and rows that nobody sent.
    pub fn of(cycles: u32, record: &Record, findings: &Findings) -> Self {
        let times = record.times_to_200();
        let mut outcome = Self {
            cycles,
            sent: record.sent(),
            acknowledged: record.acknowledged(),
            other_answers: record.other_answers(),
            failed_attempts: record.failed_attempts(),
            lost: findings.lost.len(),
            doubled: findings.doubled.len(),
            worst: times.percentile(100),
            p99: times.percentile(99),
            ..Self::default()
        };
        let Findings { doubled, strange, .. } = findings;
        outcome.demand(outcome.acknowledged > 0, || "nothing was acknowledged".to_owned());
        outcome.demand(doubled.is_empty(), || format!("doubled: {}", some(doubled)));
        outcome.demand(strange.is_empty(), || format!("strange: {}", some(strange)));
        outcome
    }

    pub fn demand(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            self.problems.push(otherwise());
        }
    }

    /// Every attempt was answered, and with 200.
    pub fn demand_nothing_but_200(&mut self, record: &Record) {
        let others = record.others();
        self.demand(others.is_empty(), || format!("other than 200: {others}"));
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub fn verdict(&self) -> &'static str {
        match (&self.not_run, self.problems.is_empty()) {
            (Some(_), _) => "NOT RUN",
            (None, true) => "ok",
            (None, false) => "FAILED",
        }
    }
}

/// How many, and the first of them.
fn some(found: &[impl Debug]) -> String {
    format!("{}, as {:?}", found.len(), &found[..found.len().min(5)])
}

/// Milliseconds, for people.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
