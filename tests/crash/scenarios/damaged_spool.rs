//! A file of the spool is damaged while nobody uses it: what is intact in it is saved, and the rest
//! is kept where a person finds it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use serde_json::Value;

use super::{Form, Outcome};
use crate::world::record::Record;
use crate::world::verify::{self, Findings};
use crate::world::{World, until};

const PAGE: usize = 4096;

/// What of a file's records may be lost with a page of it, or with its tail. A page that leads to
/// others takes them along.
const MAY_BE_LOST: f64 = 0.25;

pub async fn a_damaged_spool_file_is_set_aside_and_its_intact_records_are_saved(
    form: Form,
) -> Outcome {
    let mut world = World::start(&[]).await;
    let mut all = Record::default();
    let (mut lost, mut problems, mut notes) = (0, Vec::new(), Vec::new());
    for cycle in 0..form.cycles {
        let set_aside_before = world.service.files_set_aside().len();
        let load = world.load(form.shape());
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
        // It takes callbacks, whatever is in its spool.
        world.start_service().await;
        let load = world.load(form.shape());
        load.until_more(50).await;
        let after = load.stop().await;
        let others = after.others();
        all.add(after);
        world.postgres.start().await;
        world.service.until_in_postgres().await;
        until("the spool is empty", 60, async || world.service.spool_files().is_empty()).await;

        let findings = compare(&world, &all).await;
        let now_lost = findings.lost.len() - lost;
        lost = findings.lost.len();
        let what = format!("{}: {now_lost} of {count} lost", damage.what);
        if now_lost as f64 > count as f64 * MAY_BE_LOST {
            problems.push(format!("too many: {what}"));
        }
        if !others.is_empty() {
            problems.push(format!("{what}, then {others}"));
        }
        if damage.is_certain || now_lost > 0 {
            let process = world.process.as_ref().expect("the service runs");
            if !process.log().iter().any(tells_of_damage) {
                problems.push(format!("{what}, and no error was logged"));
            }
            if world.service.files_set_aside().len() == set_aside_before {
                problems.push(format!("{what}, and no file was set aside"));
            }
        }
        notes.push(what);
    }
    let mut outcome = Outcome::of(form.cycles, &all, &compare(&world, &all).await);
    outcome.problems.extend(problems);
    outcome.notes.extend(notes);
    outcome
}

async fn compare(world: &World, all: &Record) -> Findings {
    verify::compare(all, &world.serials, &mut world.postgres.connect().await).await
}

fn tells_of_damage(line: &Value) -> bool {
    line["level"] == "ERROR" && line.to_string().contains("damage")
}

struct Damage {
    what: String,
    /// Whether anybody who reads the file must run into it: a few bytes may be in a gap.
    is_certain: bool,
}

/// Harms the largest file, each time in another way.
fn damage(world: &mut World, cycle: u32) -> Damage {
    let files = world.service.spool_files();
    let file = files.first().expect("there is a spool file");
    let handle = File::options().read(true).write(true).open(file).unwrap();
    let length = usize::try_from(handle.metadata().unwrap().len()).unwrap();
    let page = 1 + world.choose((length / PAGE).max(2) - 1);
    let within = world.choose(PAGE - 64);
    let (from, count) = match cycle % 4 {
        0 => (page * PAGE, PAGE),
        1 => {
            let kept = length - length / 10;
            handle.set_len(kept as u64).unwrap();
            return Damage { what: format!("{length} bytes cut to {kept}"), is_certain: true };
        }
        2 => (page * PAGE + within, 64),
        // The head, without which it is no file of that kind.
        _ => (0, 100),
    };
    let from = from.min(length.saturating_sub(count));
    let mut bytes = vec![0; count];
    handle.read_exact_at(&mut bytes, from as u64).unwrap();
    for byte in &mut bytes {
        *byte ^= 0xA5;
    }
    handle.write_all_at(&bytes, from as u64).unwrap();
    let what = format!("{count} bytes flipped at {from} of {length}");
    Damage { what, is_certain: count != 64 }
}
