//! The record of an event on disk: a line of JSON in a frame that detects damage.
//!
//! ```text
//!  magic 7 · version 1 · length 4, little-endian · first 8 bytes of SHA-256 over the JSON · JSON
//! ```
//!
//! A frame can be found and checked without the database around it, see [`super::salvage`].

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    CallbackKind, Charset, DeliveryReport, DeliveryStatus, Event, EventKey, Extra, InboundMessage,
    MessageText, PhoneNumber, Reception, RejectedCallback, RejectedContent, Source, Transport,
};

/// The start of every frame. No UTF-8 text starts with it.
pub(super) const MAGIC: [u8; 7] = *b"\x8Drouto\n";

/// The version that is written. A change of [`Record`] that an older program would misread needs the next
/// version, and a reader for this one for ever.
const VERSION: u8 = 1;

/// The length of a frame before its JSON.
pub(super) const HEADER_BYTES: usize = MAGIC.len() + 1 + 4 + DIGEST_BYTES;

const DIGEST_BYTES: usize = 8;

/// An event was not encoded. Texts never quote it.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value has no representation in JSON, such as a time before year 0.
    #[error("a callback has no JSON representation")]
    Json(#[from] serde_json::Error),
    /// The length of a frame is 4 bytes.
    #[error("a callback of {0} bytes is too long for a record")]
    TooLong(usize),
}

/// A frame holds no event that this program can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    /// Bytes are missing or were changed.
    #[error("a record is damaged")]
    Damaged,
    /// The frame is whole, but of a version that this program does not know.
    #[error("a record has version {0}: a newer routo-receiver wrote it, and can read it")]
    UnknownVersion(u8),
    /// The frame is whole, but its values are not those of an event.
    #[error("a record is intact but is not a callback")]
    NoCallback,
}

/// Version 1, which is also the format of `export`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Record<'a> {
    #[serde(borrow)]
    DeliveryReport(Report<'a>),
    #[serde(borrow)]
    InboundMessage(Inbound<'a>),
    #[serde(borrow)]
    RejectedCallback(Rejected<'a>),
}

#[derive(Deserialize, Serialize)]
struct Envelope<'a> {
    #[serde(with = "time::serde::rfc3339")]
    received_at: OffsetDateTime,
    id: Uuid,
    account: Cow<'a, str>,
    transport: Cow<'a, str>,
    remote_addr: IpAddr,
}

#[derive(Deserialize, Serialize)]
struct Report<'a> {
    received: Envelope<'a>,
    mess_id: Cow<'a, str>,
    number: Cow<'a, str>,
    status: Cow<'a, str>,
    #[serde(borrow)]
    extra: &'a RawValue,
}

#[derive(Deserialize, Serialize)]
struct Inbound<'a> {
    received: Envelope<'a>,
    org: Cow<'a, str>,
    dest: Cow<'a, str>,
    dcs: Option<Cow<'a, str>>,
    message: Cow<'a, str>,
    charset: Cow<'a, str>,
    is_lossy: bool,
    /// In Base64.
    message_raw: Cow<'a, str>,
    #[serde(borrow)]
    extra: &'a RawValue,
}

#[derive(Deserialize, Serialize)]
struct Rejected<'a> {
    received: Envelope<'a>,
    kind: Cow<'a, str>,
    reason: Cow<'a, str>,
    parameters: Cow<'a, str>,
}

/// The frame of an event.
pub(super) fn encode(event: &Event) -> Result<Vec<u8>, EncodeError> {
    frame(to_json(event)?.as_bytes())
}

/// A frame around JSON.
pub(super) fn frame(json: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let length = u32::try_from(json.len()).map_err(|_| EncodeError::TooLong(json.len()))?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + json.len());
    frame.extend(MAGIC);
    frame.push(VERSION);
    frame.extend(length.to_le_bytes());
    frame.extend(digest(json));
    frame.extend(json);
    Ok(frame)
}

/// The event in a frame at the start of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> Result<Event, RecordError> {
    let json = json_of(bytes)?;
    let record: Record<'_> = serde_json::from_str(json).map_err(|_| RecordError::NoCallback)?;
    record.into_event().ok_or(RecordError::NoCallback)
}

/// The JSON in a frame at the start of `bytes`, checked.
pub(super) fn json_of(bytes: &[u8]) -> Result<&str, RecordError> {
    let whole = bytes.strip_prefix(&MAGIC).and_then(|rest| {
        let (&version, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (expected, rest) = rest.split_first_chunk::<DIGEST_BYTES>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let json = rest.get(..length)?;
        (digest(json) == *expected).then_some((version, json))
    });
    match whole {
        None => Err(RecordError::Damaged),
        Some((VERSION, json)) => std::str::from_utf8(json).map_err(|_| RecordError::NoCallback),
        Some((version, _)) => Err(RecordError::UnknownVersion(version)),
    }
}

fn digest(json: &[u8]) -> [u8; DIGEST_BYTES] {
    *Sha256::digest(json).first_chunk().expect("SHA-256 has 32 bytes")
}

/// The JSON of an event, as `export` prints it.
pub(super) fn to_json(event: &Event) -> Result<String, EncodeError> {
    let received = |reception: &Reception| Envelope {
        received_at: reception.key.received_at,
        id: reception.key.id,
        account: reception.account.as_str().to_owned().into(),
        transport: reception.source.transport.as_str().into(),
        remote_addr: reception.source.remote_addr,
    };
    let record = match event {
        Event::DeliveryReport(report) => Record::DeliveryReport(Report {
            received: received(&report.reception),
            mess_id: report.mess_id.as_str().into(),
            number: report.number.as_str().into(),
            status: report.status.as_str().into(),
            extra: serde_json::from_str(report.extra.as_json())?,
        }),
        Event::InboundMessage(message) => Record::InboundMessage(Inbound {
            received: received(&message.reception),
            org: message.org.as_str().into(),
            dest: message.dest.as_str().into(),
            dcs: message.dcs.as_ref().map(|dcs| dcs.as_str().into()),
            message: message.message.as_str().into(),
            charset: message.message.charset().as_str().into(),
            is_lossy: message.message.is_lossy(),
            message_raw: BASE64_STANDARD.encode(&message.message_raw).into(),
            extra: serde_json::from_str(message.extra.as_json())?,
        }),
        Event::RejectedCallback(rejected) => {
            let RejectedContent::Parameters(parameters) = &rejected.content;
            Record::RejectedCallback(Rejected {
                received: received(&rejected.reception),
                kind: rejected.kind.as_str().into(),
                reason: rejected.reason.as_str().into(),
                parameters: parameters.into(),
            })
        }
    };
    Ok(serde_json::to_string(&record)?)
}

impl Envelope<'_> {
    fn into_reception(self) -> Option<Reception> {
        Some(Reception {
            key: EventKey { received_at: self.received_at, id: self.id },
            account: self.account.parse().ok()?,
            source: Source {
                transport: Transport::from_name(&self.transport)?,
                remote_addr: self.remote_addr,
            },
        })
    }
}

impl Record<'_> {
    fn into_event(self) -> Option<Event> {
        Some(match self {
            Self::DeliveryReport(report) => Event::DeliveryReport(DeliveryReport {
                reception: report.received.into_reception()?,
                mess_id: report.mess_id.as_ref().into(),
                number: PhoneNumber::new(&report.number),
                status: DeliveryStatus::new(report.status.as_ref().into()),
                extra: Extra::from_json(report.extra.get())?,
            }),
            Self::InboundMessage(message) => Event::InboundMessage(InboundMessage {
                reception: message.received.into_reception()?,
                org: PhoneNumber::new(&message.org),
                dest: PhoneNumber::new(&message.dest),
                dcs: message.dcs.map(|dcs| dcs.as_ref().into()),
                message: MessageText::new(
                    message.message.into_owned(),
                    Charset::from_name(&message.charset)?,
                    message.is_lossy,
                ),
                message_raw: BASE64_STANDARD.decode(message.message_raw.as_bytes()).ok()?,
                extra: Extra::from_json(message.extra.get())?,
            }),
            Self::RejectedCallback(rejected) => Event::RejectedCallback(RejectedCallback {
                reception: rejected.received.into_reception()?,
                kind: CallbackKind::from_name(&rejected.kind)?,
                reason: rejected.reason.as_ref().into(),
                content: RejectedContent::Parameters(rejected.parameters.into_owned()),
            }),
        })
    }
}
