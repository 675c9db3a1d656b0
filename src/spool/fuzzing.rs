//! Properties of every record of the spool, for fuzzing and tests.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics"
)]

use std::fs;
use std::net::IpAddr;

use crate::domain::{
    Charset, DeliveryReport, DeliveryStatus, Event, EventKeySource, Extra, InboundMessage,
    MessageText, PhoneNumber, Reception, Source, Text, Transport,
};

use super::record::{RecordError, decode, encode, frame, json_of};
use super::salvage::Salvage;

/// Checks the bytes as a frame, as the content of a frame, as a callback, and as damage to its record.
pub fn records(bytes: &[u8]) {
    read_back_if_read(bytes);
    read_back_if_read(&frame(bytes).expect("it is short"));
    for event in [report(bytes), message(bytes)] {
        let record = encode(&event).expect("its time is of today");
        assert_eq!(decode(&record).as_ref(), Ok(&event));
        damage_is_noticed(&record, bytes);
        is_found_in_a_damaged_file(&record, &event, bytes);
    }
}

/// An event that can be read stays the same when it is written and read again.
fn read_back_if_read(record: &[u8]) {
    match decode(record) {
        Ok(event) => {
            assert_eq!(decode(&encode(&event).expect("what was read can be written")), Ok(event));
        }
        Err(RecordError::Damaged) => assert!(json_of(record).is_err()),
        Err(RecordError::NoCallback | RecordError::UnknownVersion(_)) => {}
    }
}

/// A record with a changed byte, or without its end, is never read as another callback.
fn damage_is_noticed(record: &[u8], bytes: &[u8]) {
    let [place @ .., change] = bytes else { return };
    let place = place.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(*byte))
        % record.len();
    assert_eq!(decode(&record[..place]), Err(RecordError::Damaged));
    let mut damaged = record.to_vec();
    damaged[place] ^= change;
    if *change != 0 {
        assert!(decode(&damaged).is_err());
    }
}

fn is_found_in_a_damaged_file(record: &[u8], event: &Event, noise: &[u8]) {
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(format!("routo-receiver-{process}-{thread:?}.damaged"));
    fs::write(&path, [noise, record, noise].concat()).expect("a file");
    let mut salvage = Salvage::of(&path);
    let mut found = Vec::new();
    while let Some(events) = salvage.next().expect("it can be read") {
        found.extend(events);
    }
    fs::remove_file(&path).expect("it is there");
    assert!(found.contains(event));
}

fn report(bytes: &[u8]) -> Event {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (mess_id, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    Event::DeliveryReport(DeliveryReport {
        reception: reception(),
        mess_id: mess_id.into(),
        number: PhoneNumber::new(rest),
        status: DeliveryStatus::new(Text::from(rest)),
        extra: rest.split('&').map(|piece| (piece.into(), mess_id.into())).collect::<Extra>(),
    })
}

fn message(bytes: &[u8]) -> Event {
    let text = String::from_utf8_lossy(bytes).into_owned();
    Event::InboundMessage(InboundMessage {
        reception: reception(),
        org: PhoneNumber::new(&text),
        dest: PhoneNumber::new(""),
        dcs: bytes.first().map(|dcs| dcs.to_string().as_str().into()),
        message: MessageText::new(text, Charset::Utf8, false),
        message_raw: bytes.to_vec(),
        extra: Extra::default(),
    })
}

fn reception() -> Reception {
    Reception {
        key: EventKeySource::system().next(),
        account: "main".parse().expect("it is a name"),
        source: Source {
            transport: Transport::HttpPost,
            remote_addr: IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        },
    }
}
