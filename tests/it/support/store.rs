//! The store, used without a service around it.

use std::time::Duration;

use routo_receiver::domain::{
    DeliveryReport, DeliveryStatus, Event, EventKey, EventKeySource, Extra, PhoneNumber, Reception,
    Source, Text, Transport,
};
use routo_receiver::store::upkeep::Upkeep;
use routo_receiver::store::{Database, PartitionPlan, PartitionWidth, Retention};
use time::OffsetDateTime;

use super::postgres::TestDatabase;

pub const DAY: Duration = Duration::from_hours(24);

/// The store as a service with these partitions has it.
pub fn store(database: &TestDatabase, width: PartitionWidth) -> Database {
    Database::new(&database.url().into(), true, PartitionPlan { width, ahead: 3 }).unwrap()
}

/// The same retention for every table, given up like any service's after 100 ms.
pub fn keeping_all_for(kept: Option<Duration>) -> Upkeep {
    let retention =
        Retention { delivery_reports: kept, inbound_messages: kept, rejected_callbacks: kept };
    Upkeep { retention, lock_patience: Duration::from_millis(100) }
}

/// A delivery report that arrived at this time.
pub fn report_of(received_at: OffsetDateTime) -> Event {
    Event::DeliveryReport(DeliveryReport {
        reception: Reception {
            key: EventKey { received_at, ..EventKeySource::system().next() },
            account: "main".parse().unwrap(),
            source: Source { transport: Transport::HttpGet, remote_addr: [192, 0, 2, 1].into() },
        },
        mess_id: Text::default(),
        number: PhoneNumber::new(""),
        status: DeliveryStatus::new(Text::default()),
        extra: Extra::default(),
    })
}
