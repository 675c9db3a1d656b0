//! The content of a frame: what it is, and a callback in as few bytes as its values take.
//!
//! ```text
//!  kind 1 · fields
//! ```
//!
//! A text or byte string is its length (a variable-length integer, 7 bits a byte, low bits first) and its
//! bytes. A time is its seconds since 1970 (8) and nanoseconds (4), little-endian.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    CallbackKind, Charset, DeliveryReport, DeliveryStatus, Event, EventKey, Extra, InboundMessage,
    MessageText, PhoneNumber, Reception, RejectedCallback, RejectedContent, Source, Transport,
};

/// The first record of every file: how many bytes the file has (8), and [`TITLE`].
const BEGIN: u8 = 0;
/// Version 1 of each kind of callback. A change that an older program would misread needs another number,
/// and a reader for these for ever.
const DELIVERY_REPORT: u8 = 1;
const INBOUND_MESSAGE: u8 = 2;
const REJECTED_CALLBACK: u8 = 3;
/// The last record of a file that was closed in order: how many callbacks are in it (8).
const END: u8 = 4;

/// Says what the file is.
const TITLE: &[u8] = b"\nspool of routo-receiver, see docs/durability.md\n";

/// What a frame contains in place of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherRecord {
    Begin { file_bytes: u64 },
    End { callbacks: u64 },
    Unreadable(Unreadable),
}

/// A frame is intact, and this program can't read what it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("a record has kind {0}: a newer routo-receiver wrote it, and can read it")]
    UnknownKind(u8),
    #[error("a record is intact but is not a callback")]
    NoCallback,
}

pub(super) fn write_begin(to: &mut Vec<u8>, file_bytes: u64) {
    to.push(BEGIN);
    to.extend(file_bytes.to_le_bytes());
    to.extend(TITLE);
}

pub(super) fn write_end(to: &mut Vec<u8>, callbacks: u64) {
    to.push(END);
    to.extend(callbacks.to_le_bytes());
}

pub(super) fn write_callback(to: &mut Vec<u8>, event: &Event) {
    match event {
        Event::DeliveryReport(report) => {
            to.push(DELIVERY_REPORT);
            write_reception(to, &report.reception);
            write_text(to, report.mess_id.as_str());
            write_text(to, report.number.as_str());
            write_text(to, report.status.as_str());
            write_text(to, report.extra.as_json());
        }
        Event::InboundMessage(message) => {
            to.push(INBOUND_MESSAGE);
            write_reception(to, &message.reception);
            write_text(to, message.org.as_str());
            write_text(to, message.dest.as_str());
            to.push(message.dcs.is_some().into());
            if let Some(dcs) = &message.dcs {
                write_text(to, dcs.as_str());
            }
            write_text(to, message.message.as_str());
            write_text(to, message.message.charset().as_str());
            to.push(message.message.is_lossy().into());
            write_bytes(to, &message.message_raw);
            write_text(to, message.extra.as_json());
        }
        Event::RejectedCallback(rejected) => {
            to.push(REJECTED_CALLBACK);
            write_reception(to, &rejected.reception);
            write_text(to, rejected.kind.as_str());
            write_text(to, rejected.reason.as_str());
            let RejectedContent::Parameters(parameters) = &rejected.content;
            write_text(to, parameters);
        }
    }
}

fn write_reception(to: &mut Vec<u8>, reception: &Reception) {
    let Reception { key: EventKey { received_at, id }, account, source } = reception;
    to.extend(received_at.unix_timestamp().to_le_bytes());
    to.extend(received_at.nanosecond().to_le_bytes());
    to.extend(id.as_bytes());
    write_text(to, account.as_str());
    write_text(to, source.transport.as_str());
    match source.remote_addr {
        IpAddr::V4(address) => write_bytes(to, &address.octets()),
        IpAddr::V6(address) => write_bytes(to, &address.octets()),
    }
}

fn write_text(to: &mut Vec<u8>, text: &str) {
    write_bytes(to, text.as_bytes());
}

fn write_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        to.push(0x80 | u8::try_from(length & 0x7F).expect("it is masked"));
        length >>= 7;
    }
    to.push(u8::try_from(length).expect("the loop ends below 128"));
    to.extend(bytes);
}

/// What the content of an intact frame is.
pub(super) fn read(content: &[u8]) -> Result<Event, OtherRecord> {
    let unreadable = OtherRecord::Unreadable;
    let (&kind, fields) = content.split_first().ok_or(unreadable(Unreadable::NoCallback))?;
    let mut fields = Fields(fields);
    let read = match kind {
        BEGIN => fields.begin().map(|file_bytes| Err(OtherRecord::Begin { file_bytes })),
        END => fields.number().map(|callbacks| Err(OtherRecord::End { callbacks })),
        DELIVERY_REPORT => fields.report().map(Ok),
        INBOUND_MESSAGE => fields.message().map(Ok),
        REJECTED_CALLBACK => fields.rejected().map(Ok),
        unknown => return Err(unreadable(Unreadable::UnknownKind(unknown))),
    };
    let is_whole = fields.0.is_empty();
    read.filter(|_| is_whole).ok_or(unreadable(Unreadable::NoCallback))?
}

/// The fields that are not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn begin(&mut self) -> Option<u64> {
        let file_bytes = self.number()?;
        self.0 = self.0.strip_prefix(TITLE)?;
        Some(file_bytes)
    }

    fn report(&mut self) -> Option<Event> {
        Some(Event::DeliveryReport(DeliveryReport {
            reception: self.reception()?,
            mess_id: self.text()?.into(),
            number: PhoneNumber::new(self.text()?),
            status: DeliveryStatus::new(self.text()?.into()),
            extra: Extra::from_json(self.text()?)?,
        }))
    }

    fn message(&mut self) -> Option<Event> {
        let reception = self.reception()?;
        let (org, dest) = (PhoneNumber::new(self.text()?), PhoneNumber::new(self.text()?));
        let dcs = if self.flag()? { Some(self.text()?.into()) } else { None };
        let (text, charset, is_lossy) =
            (self.text()?.to_owned(), Charset::from_name(self.text()?)?, self.flag()?);
        Some(Event::InboundMessage(InboundMessage {
            reception,
            org,
            dest,
            dcs,
            message: MessageText::new(text, charset, is_lossy),
            message_raw: self.bytes()?.to_vec(),
            extra: Extra::from_json(self.text()?)?,
        }))
    }

    fn rejected(&mut self) -> Option<Event> {
        Some(Event::RejectedCallback(RejectedCallback {
            reception: self.reception()?,
            kind: CallbackKind::from_name(self.text()?)?,
            reason: self.text()?.into(),
            content: RejectedContent::Parameters(self.text()?.to_owned()),
        }))
    }

    fn reception(&mut self) -> Option<Reception> {
        let seconds = i64::from_le_bytes(self.array()?);
        let nanoseconds = u32::from_le_bytes(self.array()?);
        let received_at = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()?
            .checked_add(Duration::nanoseconds(nanoseconds.into()))?;
        let id = Uuid::from_bytes(self.array()?);
        let account = self.text()?.parse().ok()?;
        let transport = Transport::from_name(self.text()?)?;
        let remote_addr = match self.bytes()? {
            bytes if bytes.len() == 4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
            bytes => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        };
        let key = EventKey { received_at, id };
        Some(Reception { key, account, source: Source { transport, remote_addr } })
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let [byte] = self.array()?;
            length |= usize::from(byte & 0x7F).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
        }
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        let [flag] = self.array()?;
        Some(flag != 0)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}
