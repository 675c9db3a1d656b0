//! The life cycles of sent messages, as reports show them (the gateway's document, section 5.3.2), and
//! the messages that people send to a long number.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::texts::{self, one_of};
use super::{ExpectedRow, Kinds, SCENE, Script};
use crate::ledger::place_of;

const ACCEPTED: &str = "250";

/// Final statuses other than "delivered".
const FAILED: [&str; 12] = ["2", "3", "9", "11", "17", "31", "34", "51", "251", "253", "255", "-1"];

const LONG_NUMBERS: [&str; 3] = ["447000000000", "447000000001", "80123"];
const NAMES: [&str; 3] = ["Routo", "My Shop 24", "INFO"];

/// The rows of one scene: several life cycles, each in order, interleaved.
pub(super) fn interleaved(script: &Script, scene: u64, random: &mut StdRng) -> Vec<ExpectedRow> {
    let room = place_of(SCENE);
    let mut lives: Vec<Vec<ExpectedRow>> = Vec::new();
    let mut left = room;
    while left > 0 {
        let name = Name { script, scene, place: lives.len() };
        let mut life = life(&name, random);
        if life.len() > left {
            // A scene has so many callbacks: the last life cycle may stay incomplete.
            life.truncate(left);
        }
        left -= life.len();
        // Rows are taken from the end.
        life.reverse();
        lives.push(life);
    }
    let mut rows = Vec::with_capacity(room);
    while !lives.is_empty() {
        let chosen = random.random_range(0..lives.len());
        if let Some(row) = lives.get_mut(chosen).and_then(Vec::pop) {
            rows.push(row);
        } else {
            lives.swap_remove(chosen);
        }
    }
    rows
}

/// What distinguishes a life cycle from all others.
struct Name<'a> {
    script: &'a Script,
    scene: u64,
    place: usize,
}

impl Name<'_> {
    /// Unique, and at most 32 characters, as the document demands. Senders form them in many ways.
    fn mess_id(&self, random: &mut StdRng) -> String {
        let Self { script: Script { run, .. }, scene, place } = self;
        match random.random_range(0..4) {
            0 => format!("{run}-{scene}-{place}"),
            1 => format!("order #{scene}/{place} {run}"),
            2 => format!("{scene}.{place}@{run}"),
            _ => format!("{run}{scene:08}{place:02}"),
        }
    }
}

fn life(name: &Name<'_>, random: &mut StdRng) -> Vec<ExpectedRow> {
    let reports = match name.script.kinds {
        Kinds::Both => random.random_bool(0.5),
        Kinds::Reports => true,
        Kinds::Messages => false,
    };
    match (reports, random.random_range(0..100)) {
        (true, 0..=34) => {
            let sent = Sent::new(name, random);
            vec![sent.report(ACCEPTED), sent.report(final_status(random))]
        }
        (true, 35..=49) => vec![Sent::new(name, random).report(final_status(random))],
        (true, 50..=61) => bulk(name, random),
        (true, 62..=73) => segments(name, random),
        (true, 74..=85) => {
            let sent = Sent::new(name, random);
            vec![sent.report(final_status(random)), sent.report(ACCEPTED)]
        }
        (true, _) => {
            let report = Sent::new(name, random).report(final_status(random));
            vec![report.clone(), report]
        }
        (false, 0..=84) => {
            let (org, dest) = (originator(random), long_number(random));
            vec![message(org, dest, texts::any(random))]
        }
        (false, _) => {
            let (org, dest) = (originator(random), long_number(random));
            let parts = texts::cut_in_two(random);
            parts.map(|part| message(org.clone(), dest.clone(), part)).into()
        }
    }
}

/// A message to a number.
struct Sent {
    mess_id: String,
    number: String,
}

impl Sent {
    fn new(name: &Name<'_>, random: &mut StdRng) -> Self {
        Self { mess_id: name.mess_id(random), number: mobile(random) }
    }

    fn report(&self, status: &str) -> ExpectedRow {
        let Self { mess_id, number } = self;
        ExpectedRow::Report {
            mess_id: mess_id.clone(),
            number: number.clone(),
            status: status.to_owned(),
        }
    }
}

/// One `mess_id` for several numbers: all are accepted, then each gets a final status.
fn bulk(name: &Name<'_>, random: &mut StdRng) -> Vec<ExpectedRow> {
    let mess_id = name.mess_id(random);
    let numbers = random.random_range(2..=6);
    let sent: Vec<_> =
        (0..numbers).map(|_| Sent { mess_id: mess_id.clone(), number: mobile(random) }).collect();
    let mut ends: Vec<_> = sent.iter().map(|sent| sent.report(final_status(random))).collect();
    ends.shuffle(random);
    sent.iter().map(|sent| sent.report(ACCEPTED)).chain(ends).collect()
}

/// A long message: each segment has its own reports, with the same `mess_id` and number.
fn segments(name: &Name<'_>, random: &mut StdRng) -> Vec<ExpectedRow> {
    let sent = Sent::new(name, random);
    let segments = random.random_range(2..=4);
    let accepted = (0..segments).map(|_| sent.report(ACCEPTED));
    let ends: Vec<_> = (0..segments).map(|_| sent.report(final_status(random))).collect();
    accepted.chain(ends).collect()
}

fn message(org: String, dest: String, text: texts::Text) -> ExpectedRow {
    let texts::Text { dcs, message, bytes } = text;
    ExpectedRow::Message { org, dest, dcs: dcs.map(str::to_owned), message, message_raw: bytes }
}

fn final_status(random: &mut StdRng) -> &'static str {
    if random.random_bool(0.8) { "0" } else { one_of(&FAILED, random) }
}

fn mobile(random: &mut StdRng) -> String {
    format!("447{:09}", random.random_range(0..1_000_000_000_u32))
}

fn originator(random: &mut StdRng) -> String {
    if random.random_bool(0.95) { mobile(random) } else { one_of(&NAMES, random).to_owned() }
}

fn long_number(random: &mut StdRng) -> String {
    one_of(&LONG_NUMBERS, random).to_owned()
}
