//! Ingest, spool and drain against a model: whatever fails, whenever, an acknowledged event is in
//! Postgres exactly once in the end. The spool is the real one, on a disk; Postgres is a model; the
//! test controls time.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod world;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use super::handle::SubmitError;
use super::{IngestHandle, Limits, start_with};
use crate::domain::{Event, EventKeySource};
use crate::memory::{Charge, MemoryBudget};
use crate::metrics::IngestMetrics;
use crate::spool::{self, Spool, SpoolOptions};

use world::{Fault, FaultySpool, Mode, ModelPostgres, Shared, as_killed, report};

/// A charge for nothing.
fn free() -> Charge {
    MemoryBudget::new(0).charge(0).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Submit(u8),
    /// An event that Postgres takes only among the rejected callbacks.
    SubmitRefused,
    /// An event that a trigger of the database drops.
    SubmitDropped,
    /// An event that Postgres takes nowhere.
    SubmitPoison,
    Postgres(Mode),
    Fault(Fault),
    Wait(u16),
    /// The process stops in order and is started again.
    Stop,
    /// The process is killed and started again.
    Kill,
}

/// How a process ended.
enum End {
    Stopped,
    /// Killed; these are the files it left.
    Killed(tempfile::TempDir),
    /// No steps are left, and nothing fails any more.
    Done,
}

/// A runtime whose clock advances when every task waits for it.
fn runtime() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Starts ingest as the service does, with the model in place of Postgres.
fn start(world: &Shared, directory: &Path) -> (IngestHandle, JoinHandle<()>) {
    let options = SpoolOptions {
        directory: directory.to_owned(),
        segment_bytes: 4_096,
        max_bytes: 1 << 30,
        min_free_bytes: 0,
    };
    let spool = Spool::open(options).unwrap();
    let journal = Arc::new(FaultySpool { spool, world: Arc::clone(world) });
    let limits = Limits {
        queue_capacity: 64,
        max_batch_rows: 8,
        commit_deadline: Duration::from_millis(100),
    };
    let postgres = |milliseconds| ModelPostgres {
        world: Arc::clone(world),
        commit_time: Duration::from_millis(milliseconds),
    };
    start_with(postgres(2), postgres(60), journal, limits, IngestMetrics::default())
}

/// Runs a process from its start to the step that ends it, or to the last step.
fn run_process(world: &Shared, directory: &Path, steps: &mut std::vec::IntoIter<Step>) -> End {
    let keys = EventKeySource::system();
    runtime().block_on(async {
        let (handle, running) = start(world, directory);
        let submit = |event: Event| {
            let (handle, world) = (handle.clone(), Arc::clone(world));
            let id = event.reception().key.id;
            world.lock().unwrap().submitted.insert(id);
            tokio::spawn(async move {
                // A refused event is durable too, among the rejected callbacks.
                if handle.submit(event, free()).await.is_ok() {
                    world.lock().unwrap().acknowledged.insert(id);
                }
            });
        };
        for step in steps {
            match step {
                Step::Submit(count) => {
                    (0..count).for_each(|_| submit(report(&keys, "ordinary")));
                }
                Step::SubmitRefused => submit(report(&keys, "refused")),
                Step::SubmitDropped => submit(report(&keys, "dropped")),
                Step::SubmitPoison => {
                    let event = report(&keys, "poison");
                    world.lock().unwrap().poison.insert(event.reception().key.id);
                    submit(event);
                }
                Step::Postgres(mode) => world.lock().unwrap().mode = mode,
                Step::Fault(fault) => world.lock().unwrap().fault = Some(fault),
                Step::Wait(milliseconds) => sleep(Duration::from_millis(milliseconds.into())).await,
                Step::Stop => {
                    drop(handle);
                    running.await.unwrap();
                    return End::Stopped;
                }
                // The files are copied while everything is still running.
                Step::Kill => return End::Killed(as_killed(directory)),
            }
        }
        // From here on nothing fails.
        {
            let mut world = world.lock().unwrap();
            world.mode = Mode::Works;
            world.fault = None;
        }
        sleep(Duration::from_mins(5)).await;
        drop(handle);
        running.await.unwrap();
        End::Done
    })
}

/// Longer than a record may be.
fn unencodable(keys: &EventKeySource) -> Event {
    report(keys, &"x".repeat(81 * 1024 * 1024))
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        4 => Just(Mode::Works),
        2 => Just(Mode::IsAway),
        1 => Just(Mode::Hangs),
        1 => Just(Mode::Lies),
        1 => Just(Mode::LosesAnswers),
        1 => Just(Mode::CommitsAndHangs)
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::AppendFails),
        Just(Fault::AppendLies),
        Just(Fault::NextFails),
        Just(Fault::SettleFails),
        Just(Fault::SettleLies)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..20_u8).prop_map(Step::Submit),
        1 => Just(Step::SubmitRefused),
        1 => Just(Step::SubmitDropped),
        1 => Just(Step::SubmitPoison),
        4 => mode().prop_map(Step::Postgres),
        2 => fault().prop_map(Step::Fault),
        6 => (0..900_u16).prop_map(Step::Wait),
        1 => Just(Step::Stop),
        1 => Just(Step::Kill),
    ]
}

#[test]
fn what_the_spool_cannot_encode_is_answered_as_unavailable() {
    let (world, directory) = (Shared::default(), tempfile::tempdir().unwrap());
    world.lock().unwrap().mode = Mode::IsAway;
    let keys = EventKeySource::system();
    runtime().block_on(async {
        let (handle, _running) = start(&world, directory.path());
        let answer = handle.submit(unencodable(&keys), free()).await.map(drop);
        assert_eq!(answer, Err(SubmitError::Unavailable));
        sleep(Duration::from_secs(1)).await;
        let answer = handle.submit(report(&keys, "ordinary"), free()).await.map(drop);
        assert_eq!(answer, Ok(()), "the spool still takes others");
    });
    let files = spool::survey(directory.path()).unwrap();
    assert_eq!(files.iter().map(|file| file.callbacks).sum::<u64>(), 1, "{files:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_in_postgres_exactly_once_whatever_failed(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let world = Shared::default();
        let mut steps = steps.into_iter();
        let mut directory = tempfile::tempdir().unwrap();
        loop {
            match run_process(&world, directory.path(), &mut steps) {
                End::Stopped => {}
                End::Killed(left) => directory = left,
                End::Done => break,
            }
        }

        let mut set_aside = HashSet::new();
        for file in spool::survey(directory.path()).unwrap() {
            spool::export(&file.path, |line| {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                let id = record.pointer("/delivery-report/received/id").unwrap();
                set_aside.insert(id.as_str().unwrap().parse::<Uuid>().unwrap());
                Ok(())
            })
            .unwrap();
        }
        let world = world.lock().unwrap();
        for id in &world.acknowledged {
            let rows = world.rows.get(id).map_or(0, HashSet::len);
            if world.poison.contains(id) {
                prop_assert!(rows == 0 && set_aside.contains(id), "poison {}: {} rows", id, rows);
            } else {
                prop_assert_eq!(rows, 1, "{}", id);
            }
        }
        for (id, tables) in &world.rows {
            prop_assert!(world.submitted.contains(id));
            prop_assert_eq!(tables.len(), 1, "{}", id);
        }
    }
}
