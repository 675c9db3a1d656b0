//! What ingest works with in the model: a Postgres that can be away, hang, lie and refuse, and the real
//! spool with injected faults.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use super::super::journal::Journal;
use super::super::sink::Sink;
use crate::domain::{
    DeliveryReport, DeliveryStatus, Event, EventKey, EventKeySource, Extra, PhoneNumber, Reception,
    RejectedContent, Source, Transport,
};
use crate::spool::{Chunk, Spool, SpoolError};
use crate::store::{InsertError, OnConflict, StoreError};

/// What Postgres does with a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Works,
    IsAway,
    Hangs,
    /// Commits, reports an error, and accepts no connection.
    Lies,
    /// Commits, reports an error, and accepts connections.
    LosesAnswers,
    /// Commits and never answers.
    CommitsAndHangs,
}

/// What goes wrong in the next call of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    AppendFails,
    /// Writes the events and reports an error.
    AppendLies,
    NextFails,
    SettleFails,
    SettleLies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    Reports,
    Rejected,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) mode: Mode,
    pub(super) rows: HashMap<Uuid, HashSet<Table>>,
    pub(super) fault: Option<Fault>,
    pub(super) submitted: HashSet<Uuid>,
    pub(super) acknowledged: HashSet<Uuid>,
    /// Events that Postgres takes nowhere.
    pub(super) poison: HashSet<Uuid>,
}

pub(super) type Shared = Arc<Mutex<World>>;

pub(super) struct ModelPostgres {
    pub(super) world: Shared,
    /// Other things can happen during a commit.
    pub(super) commit_time: Duration,
}

impl ModelPostgres {
    fn mode(&self) -> Mode {
        self.world.lock().unwrap().mode
    }

    /// All rows or none, as Postgres does.
    fn commit(
        &self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> Result<Vec<EventKey>, InsertError> {
        let refused = |event: &Event| match event {
            Event::DeliveryReport(report) => {
                !["ordinary", "dropped"].contains(&report.mess_id.as_str())
            }
            Event::RejectedCallback(rejected) => {
                let RejectedContent::Parameters(parameters) = &rejected.content;
                parameters.contains("mess_id=poison")
            }
            Event::InboundMessage(_) => false,
        };
        let drops = |event: &Event| match event {
            Event::DeliveryReport(report) => report.mess_id.as_str() == "dropped",
            _ => false,
        };
        let table = |event: &Event| match event {
            Event::RejectedCallback(_) => Table::Rejected,
            _ => Table::Reports,
        };
        let mut world = self.world.lock().unwrap();
        // As a primary key does.
        let collides = |event: &Event| {
            on_conflict == OnConflict::Fail
                && world
                    .rows
                    .get(&event.reception().key.id)
                    .is_some_and(|tables| tables.contains(&table(event)))
        };
        if batch.iter().any(|event| refused(event) || collides(event)) {
            let (sqlstate, message) = ("23514".to_owned(), "refused".to_owned());
            return Err(InsertError::Refused { sqlstate, message });
        }
        // As a trigger does that returns null.
        let (dropped, stored): (Vec<_>, Vec<_>) = batch.iter().partition(|event| drops(event));
        for event in stored {
            let tables = world.rows.entry(event.reception().key.id).or_default();
            tables.insert(table(event));
        }
        Ok(dropped.iter().map(|event| event.reception().key).collect())
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

    async fn insert(
        &mut self,
        on_conflict: OnConflict,
        batch: &[Event],
    ) -> Result<Vec<EventKey>, InsertError> {
        sleep(self.commit_time).await;
        match self.mode() {
            Mode::Works => self.commit(on_conflict, batch),
            Mode::IsAway => Err(InsertError::NotConnected),
            Mode::Hangs => std::future::pending().await,
            Mode::Lies | Mode::LosesAnswers => {
                self.commit(on_conflict, batch).and(Err(InsertError::NotConnected))
            }
            Mode::CommitsAndHangs => {
                let _ = self.commit(on_conflict, batch);
                std::future::pending().await
            }
        }
    }
}

/// The real spool, with injected faults before or after its calls.
pub(super) struct FaultySpool {
    pub(super) spool: Spool,
    pub(super) world: Shared,
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
        // Small chunks, so that other steps come between them.
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

pub(super) fn report(keys: &EventKeySource, mess_id: &str) -> Event {
    Event::DeliveryReport(DeliveryReport {
        reception: Reception {
            key: keys.next(),
            account: "main".parse().unwrap(),
            source: Source {
                transport: Transport::HttpGet,
                remote_addr: "192.0.2.1".parse().unwrap(),
            },
        },
        mess_id: mess_id.into(),
        number: PhoneNumber::new("44"),
        status: DeliveryStatus::new("0".into()),
        extra: Extra::default(),
    })
}

/// The directory as a killed process leaves it: nothing is closed or checkpointed.
pub(super) fn as_killed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}
