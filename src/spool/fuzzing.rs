//! Properties of every record of the spool, for fuzzing and tests.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics"
)]

use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;

use crate::domain::{
    Charset, DeliveryReport, DeliveryStatus, Event, EventKeySource, Extra, InboundMessage,
    MessageText, PhoneNumber, Reception, Source, Text, Transport,
};

use super::frame::{HEAD_BYTES, append};
use super::record::{read, write_callback};
use super::scan::{Position, Scan};

const WRITER: u64 = 7;

/// Checks the bytes as the content of a record, as a callback, as damage to its frame, and as a file around
/// it.
pub fn records(bytes: &[u8]) {
    read_back_if_read(bytes);
    let [report, message] = [report(bytes), message(bytes)];
    for event in [&report, &message] {
        read_back_if_read(&content(event));
        assert_eq!(read(&content(event)).as_ref(), Ok(event));
        damage_is_noticed(&frame(event), bytes);
    }
    let (first, second) = (frame(&report), frame(&message));
    let (before, is_frame) = scanned_with_end(bytes);
    // Frames of another process would make these foreign.
    if !is_frame {
        let found = scanned(&[bytes, &first, bytes, &second, bytes].concat());
        assert_eq!((before, found), (vec![], vec![report, message]), "each once, in order");
    }
}

/// A callback that can be read stays the same when it is written and read again.
fn read_back_if_read(bytes: &[u8]) {
    if let Ok(event) = read(bytes) {
        assert_eq!(read(&content(&event)), Ok(event));
    }
}

/// A frame with a changed byte, or without its end, is never read as another callback.
fn damage_is_noticed(frame: &[u8], bytes: &[u8]) {
    let [place @ .., change] = bytes else { return };
    let place = place.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(*byte))
        % frame.len();
    assert_eq!(scanned(&frame[..place]), []);
    let mut damaged = frame.to_vec();
    damaged[place] ^= change;
    if *change != 0 {
        assert_eq!(scanned(&damaged), []);
    }
}

fn content(event: &Event) -> Vec<u8> {
    let mut content = Vec::new();
    write_callback(&mut content, event);
    content
}

fn frame(event: &Event) -> Vec<u8> {
    let mut frame = Vec::new();
    append(&mut frame, WRITER, |to| write_callback(to, event)).expect("it is short");
    assert_eq!(frame.len(), HEAD_BYTES + content(event).len());
    frame
}

/// The callbacks in a file with these bytes.
fn scanned(bytes: &[u8]) -> Vec<Event> {
    scanned_with_end(bytes).0
}

/// And whether a frame is in it.
fn scanned_with_end(bytes: &[u8]) -> (Vec<Event>, bool) {
    let memory = rustix::fs::memfd_create("records", rustix::fs::MemfdFlags::CLOEXEC);
    let mut file = File::from(memory.expect("a file in memory"));
    file.write_all(bytes).expect("it has room");
    let mut scan = Scan::new(&file, Position::default(), None).expect("it can be read");
    let mut found = Vec::new();
    while let Some(callback) = scan.next().expect("it can be read") {
        found.extend(callback);
    }
    (found, scan.position().is_in_ours())
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
