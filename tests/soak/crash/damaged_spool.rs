//! A spool file is damaged between two runs: its intact records are saved, and the file is set aside.

use std::collections::HashSet;
use std::fs;
use std::time::Instant;

use serde_json::Value;
use testkit::eventually;
use testkit::judge::{self, Findings, Key};
use testkit::record::Record;

use super::{Form, Outcome};
use crate::world::World;

const PAGE: usize = 4096;

/// A record begins with this, a checksum of 4 bytes, the length of its content in 4, and 12 others. The
/// content ends with the JSON of the parameters that no document names.
const MARKER: &[u8] = b"\x8Drt\n";
const HEAD: usize = 24;

pub async fn a_damaged_spool_file_is_set_aside_and_its_intact_records_are_saved(
    form: Form,
) -> Outcome {
    let mut world = World::start().await;
    let mut all = Record::default();
    let mut destroyed = HashSet::new();
    let (mut lost, mut problems, mut notes) = (0, Vec::new(), Vec::new());
    for cycle in 0..form.cycles {
        let set_aside_before = world.service.files_set_aside().len();
        let load = world.load(form.pace());
        load.until_more(20).await;
        let began = Instant::now();
        world.postgres.stop().await;
        world.service.until_spooling().await;
        load.until_more(if form.long { 5_000 } else { 800 }).await;
        let record = load.stop().await;
        let count = record.times(200, &[(began, Instant::now())]).count();
        all.add(record);
        let code = world.process.take().expect("the service runs").terminate().await;
        assert_eq!(code, Some(0), "the service stops in order");
        let damage = damage(&mut world, cycle);
        // The service accepts callbacks, whatever is in its spool.
        world.start_service().await;
        let load = world.load(form.pace());
        load.until_more(50).await;
        let after = load.stop().await;
        let others = after.others();
        all.add(after);
        world.postgres.start().await;
        world.service.until_in_postgres().await;
        eventually("the spool is empty", async || world.service.spool_files().is_empty()).await;

        destroyed.extend(damage.destroyed.iter().cloned());
        let mut findings = compare(&world, &all).await;
        let now_lost = findings.lost.len() - lost;
        lost = findings.lost.len();
        findings.lost.retain(|key| !destroyed.contains(key));
        let what = format!(
            "{}: of {count} records {} were destroyed, and {now_lost} are lost",
            damage.what,
            damage.destroyed.len()
        );
        if !findings.lost.is_empty() {
            problems.push(format!("intact ones are lost: {what}"));
        }
        if !others.is_empty() {
            problems.push(format!("{what}, then {others}"));
        }
        let process = world.process.as_ref().expect("the service runs");
        if !process.log().lines().any(tells_of_damage) {
            problems.push(format!("{what}, and no error was logged"));
        }
        if world.service.files_set_aside().len() == set_aside_before {
            problems.push(format!("{what}, and no file was set aside"));
        }
        notes.push(what);
    }
    let mut findings = compare(&world, &all).await;
    // What the damage destroyed can't be saved.
    findings.lost.retain(|key| !destroyed.contains(key));
    let mut outcome = Outcome::of(form.cycles, &all, &findings);
    outcome.problems.extend(problems);
    outcome.notes.extend(notes);
    outcome
}

async fn compare(world: &World, all: &Record) -> Findings {
    judge::compare(all, &mut world.postgres.connect().await).await
}

fn tells_of_damage(line: &str) -> bool {
    line.contains(r#""level":"ERROR""#) && line.contains("damage")
}

struct Damage {
    what: String,
    /// The attempts without a whole record left.
    destroyed: HashSet<Key>,
}

/// The attempts that have a whole record among these bytes.
fn records(bytes: &[u8], before: &[u8]) -> HashSet<Key> {
    memchr::memmem::find_iter(before, MARKER)
        .filter_map(|at| {
            let length: [u8; 4] = before.get(at + 8..at + 12)?.try_into().ok()?;
            let end = at + HEAD + usize::try_from(u32::from_le_bytes(length)).ok()?;
            let record = before.get(at..end)?;
            (bytes.get(at..end) == Some(record)).then_some(record)
        })
        .filter_map(|record| {
            let mut objects = memchr::memchr_iter(b'{', record);
            let extra = objects.find_map(|at| serde_json::from_slice::<Value>(&record[at..]).ok());
            judge::key(&extra?)
        })
        .collect()
}

/// Damages the largest file, in a different way each cycle.
fn damage(world: &mut World, cycle: u32) -> Damage {
    let files = world.service.spool_files();
    let file = files.first().expect("there is a spool file");
    let before = fs::read(file).unwrap();
    // Zeros behind the records are not used yet.
    let length = before.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let page = world.choose((length / PAGE).max(1));
    let within = world.choose(PAGE - 64);
    let mut after = before.clone();
    let mut flip = |from: usize, count: usize| {
        let from = from.min(length.saturating_sub(count));
        after[from..from + count].iter_mut().for_each(|byte| *byte ^= 0xA5);
        format!("{count} bytes flipped at {from} of {length}")
    };
    let what = match cycle % 4 {
        0 => flip(page * PAGE, PAGE),
        1 => {
            after.truncate(length - length / 10);
            format!("{length} bytes cut to {}", after.len())
        }
        2 => flip(page * PAGE + within, 64),
        _ => flip(0, 100),
    };
    fs::write(file, &after).unwrap();
    let left = records(&after, &before);
    let destroyed = records(&before, &before).difference(&left).cloned().collect();
    Damage { what, destroyed }
}
