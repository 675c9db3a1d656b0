//! Ingest, spool and drain against a model: whatever fails, whenever, an acknowledged fact is in
//! Postgres exactly once in the end. The spool is the real one, on a disk; Postgres is a model that
//! can be away, hang, lie and refuse; time is the test's.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime;
use tokio::time::sleep;
use uuid::Uuid;

use super::handle::SubmitError;
use super::journal::Journal;
use super::sink::Sink;
use super::{Limits, start_with};
use crate::domain::{
    DeliveryReport, DeliveryStatus, Event, EventKeySource, Extra, PhoneNumber, Reception, Transport,
};
use crate::memory::MemoryBudget;
use crate::metrics::IngestMetrics;
use crate::spool::{self, Chunk, Spool, SpoolError, SpoolOptions};
use crate::store::{Attempt, InsertError, StoreError};

/// What Postgres does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Works,
    IsAway,
    Hangs,
    /// Commits, and says that it has not.
    Lies,
    /// The same, but can be connected to.
    LosesAnswers,
    /// Commits, and says nothing any more.
    CommitsAndHangs,
}

/// What goes wrong with the next call of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    AppendFails,
    /// The facts are on disk, but the caller is told that they are not.
    AppendLies,
    NextFails,
    SettleFails,
    SettleLies,
}

#[derive(Clone, Debug)]
enum Step {
    /// Ordinary facts.
    Submit(u8),
    /// A fact that Postgres takes only among the rejected callbacks.
    SubmitRefused,
    /// A fact that Postgres takes nowhere.
    SubmitPoison,
    Postgres(Mode),
    Fault(Fault),
    Wait(u16),
    /// The process is told to stop, or killed, and started again.
    Stop,
    Kill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Reports,
    Rejected,
}

#[derive(Default)]
struct World {
    mode: Option<Mode>,
    rows: HashMap<Uuid, HashSet<Table>>,
    fault: Option<Fault>,
    submitted: HashSet<Uuid>,
    acknowledged: HashSet<Uuid>,
    poison: HashSet<Uuid>,
}

type Shared = Arc<Mutex<World>>;

struct ModelPostgres {
    world: Shared,
    /// How long a commit takes: a time in which other things happen.
    commit_time: Duration,
}

impl ModelPostgres {
    fn mode(&self) -> Mode {
        self.world.lock().unwrap().mode.unwrap_or(Mode::Works)
    }

    /// All rows or none, as Postgres does.
    fn commit(&self, attempt: Attempt, batch: &[Event]) -> Result<(), InsertError> {
        let refused = |event: &Event| match event {
            Event::DeliveryReport(report) => report.mess_id.as_str() != "ordinary",
            Event::RejectedCallback(rejected) => {
                rejected.request.to_json().contains("mess_id=poison")
            }
            Event::InboundMessage(_) => false,
        };
        let table = |event: &Event| match event {
            Event::RejectedCallback(_) => Table::Rejected,
            _ => Table::Reports,
        };
        let mut world = self.world.lock().unwrap();
        // As a primary key refuses it, where nobody said that it may be there.
        let collides = |event: &Event| {
            attempt == Attempt::First
                && world
                    .rows
                    .get(&event.reception().key.id)
                    .is_some_and(|tables| tables.contains(&table(event)))
        };
        if batch.iter().any(|event| refused(event) || collides(event)) {
            let (sqlstate, message) = ("23514".to_owned(), "refused".to_owned());
            return Err(InsertError::Refused { sqlstate, message });
        }
        for event in batch {
            let tables = world.rows.entry(event.reception().key.id).or_default();
            tables.insert(table(event));
        }
        Ok(())
    }
}

impl Sink for ModelPostgres {
    async fn connect(&mut self) -> Result<(), StoreError> {
        match self.mode() {
            Mode::Works | Mode::LosesAnswers => Ok(()),
            Mode::Hangs | Mode::CommitsAndHangs => {
                let patience = Duration::from_secs(5);
                sleep(patience).await;
                Err(StoreError::Silent(patience))
            }
            Mode::IsAway | Mode::Lies => Err(StoreError::Silent(Duration::ZERO)),
        }
    }

    async fn insert(&mut self, attempt: Attempt, batch: &[Event]) -> Result<(), InsertError> {
        sleep(self.commit_time).await;
        match self.mode() {
            Mode::Works => self.commit(attempt, batch),
            Mode::IsAway => Err(InsertError::NotConnected),
            Mode::Hangs => std::future::pending().await,
            Mode::Lies | Mode::LosesAnswers => {
                self.commit(attempt, batch).and(Err(InsertError::NotConnected))
            }
            Mode::CommitsAndHangs => {
                let _ = self.commit(attempt, batch);
                std::future::pending().await
            }
        }
    }
}

/// The real spool, with faults before or after what it does.
struct FaultySpool {
    spool: Spool,
    world: Shared,
}

impl FaultySpool {
    fn fails(&self, fault: Fault) -> Result<(), SpoolError> {
        let mut world = self.world.lock().unwrap();
        if world.fault == Some(fault) {
            world.fault = None;
            return Err(SpoolError::Output(io::Error::other("injected")));
        }
        Ok(())
    }
}

impl Journal for FaultySpool {
    fn append(&self, events: &[Event]) -> Result<(), SpoolError> {
        self.fails(Fault::AppendFails)?;
        self.spool.append(events)?;
        self.fails(Fault::AppendLies)
    }

    fn probe(&self) -> Result<(), SpoolError> {
        self.spool.probe()
    }

    fn next(&self, max_rows: usize) -> Result<Option<Chunk>, SpoolError> {
        self.fails(Fault::NextFails)?;
        // Small chunks, so that there is something between them.
        self.spool.next(max_rows.min(3))
    }

    fn settle(&self, chunk: &Chunk, refused: u64) -> Result<(), SpoolError> {
        self.fails(Fault::SettleFails)?;
        self.spool.settle(chunk, refused)?;
        self.fails(Fault::SettleLies)
    }

    fn close(&self) {
        self.spool.close();
    }
}

fn report(keys: &EventKeySource, mess_id: &str) -> Event {
    Event::DeliveryReport(DeliveryReport {
        reception: Reception {
            key: keys.next(),
            account: "main".parse().unwrap(),
            transport: Transport::HttpGet,
            remote_addr: "192.0.2.1".parse().unwrap(),
        },
        mess_id: mess_id.into(),
        number: PhoneNumber::new("44"),
        status: DeliveryStatus::new("0".into()),
        extra: Extra::default(),
    })
}

/// How a process ended.
enum End {
    /// It was told to.
    Stopped,
    /// It was killed, and left these files.
    Killed(tempfile::TempDir),
    /// All steps are done, and all is well.
    Done,
}

/// One life of a process: from its start to a step that ends it, or to the last.
fn live(world: &Shared, directory: &Path, steps: &mut std::vec::IntoIter<Step>) -> End {
    let options =
        SpoolOptions { directory: directory.to_owned(), max_bytes: 1 << 30, min_free_bytes: 0 };
    let spool = Spool::open(options).unwrap();
    let journal = Arc::new(FaultySpool { spool, world: Arc::clone(world) });
    let limits = Limits {
        queue_capacity: 64,
        max_batch_rows: 8,
        commit_deadline: Duration::from_millis(100),
    };
    let keys = EventKeySource::system();
    let runtime =
        runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let postgres = |milliseconds| ModelPostgres {
            world: Arc::clone(world),
            commit_time: Duration::from_millis(milliseconds),
        };
        let (handle, running) =
            start_with(postgres(2), postgres(60), journal, limits, IngestMetrics::default());
        let submit = |event: Event| {
            let (handle, world) = (handle.clone(), Arc::clone(world));
            let id = event.reception().key.id;
            world.lock().unwrap().submitted.insert(id);
            tokio::spawn(async move {
                // A refused fact is durable too, among the rejected callbacks.
                if let Ok(()) | Err(SubmitError::Refused) = handle.submit(event, MemoryBudget::new(0).charge(0).unwrap()).await.map(drop) {
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
                Step::SubmitPoison => {
                    let event = report(&keys, "poison");
                    world.lock().unwrap().poison.insert(event.reception().key.id);
                    submit(event);
                }
                Step::Postgres(mode) => world.lock().unwrap().mode = Some(mode),
                Step::Fault(fault) => world.lock().unwrap().fault = Some(fault),
                Step::Wait(milliseconds) => sleep(Duration::from_millis(milliseconds.into())).await,
                Step::Stop => {
                    drop(handle);
                    running.await.unwrap();
                    return End::Stopped;
                }
                // In the midst of things: the copy is made before anything is dropped.
                Step::Kill => return End::Killed(as_killed(directory)),
            }
        }
        // All is well again: everything finds its place.
        {
            let mut world = world.lock().unwrap();
            world.mode = Some(Mode::Works);
            world.fault = None;
        }
        sleep(Duration::from_mins(5)).await;
        drop(handle);
        running.await.unwrap();
        End::Done
    })
}

/// The directory as a killed process leaves it: nothing is closed, nothing is worked into place.
fn as_killed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
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
        1 => Just(Step::SubmitPoison),
        4 => mode().prop_map(Step::Postgres),
        2 => fault().prop_map(Step::Fault),
        6 => (0..900_u16).prop_map(Step::Wait),
        1 => Just(Step::Stop),
        1 => Just(Step::Kill),
    ]
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
            match live(&world, directory.path(), &mut steps) {
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
