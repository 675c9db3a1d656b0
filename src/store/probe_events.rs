//! Probe events, to find out whether Postgres accepts rows.

use std::net::Ipv4Addr;

use crate::domain::{
    AccountName, Charset, DeliveryReport, DeliveryStatus, Event, EventKeySource, Extra,
    InboundMessage, MessageText, PhoneNumber, Reception, Source, Text, Transport,
};

/// One event of each kind, with the current time. They are never committed.
pub(super) fn probe_events() -> [Event; 3] {
    let reception = Reception {
        key: EventKeySource::system().next(),
        account: "-".parse::<AccountName>().expect("a hyphen is allowed in a name"),
        source: Source { transport: Transport::HttpGet, remote_addr: Ipv4Addr::LOCALHOST.into() },
    };
    let report = DeliveryReport {
        reception: reception.clone(),
        mess_id: Text::default(),
        number: PhoneNumber::new(""),
        status: DeliveryStatus::new(Text::default()),
        extra: Extra::default(),
    };
    let message = InboundMessage {
        reception,
        org: PhoneNumber::new(""),
        dest: PhoneNumber::new(""),
        dcs: None,
        message: MessageText::new(String::new(), Charset::Binary, false),
        message_raw: Vec::new(),
        extra: Extra::default(),
    };
    let rejected = Event::DeliveryReport(report.clone()).into_rejected(Text::default());
    [
        Event::DeliveryReport(report),
        Event::InboundMessage(message),
        Event::RejectedCallback(rejected),
    ]
}
