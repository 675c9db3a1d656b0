//! The three kinds of event that a callback becomes.

use super::{
    AccountName, CallbackKind, DeliveryStatus, EventKey, Extra, MessageText, PhoneNumber,
    RejectedCallback, RejectedContent, Source, Text,
};

/// What is known of a callback before its content is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    pub key: EventKey,
    /// The account whose credentials the callback showed.
    pub account: AccountName,
    pub source: Source,
}

/// The status of a message that was sent (the gateway's document, section 5.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    pub reception: Reception,
    /// The sender's name for the message. It is not unique, and may be longer than the document says.
    pub mess_id: Text,
    /// The number the message was sent to.
    pub number: PhoneNumber,
    pub status: DeliveryStatus,
    /// Parameters that the document does not name.
    pub extra: Extra,
}

/// A message that somebody sent to the customer's long number (section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    pub reception: Reception,
    /// The originator: a number or a name.
    pub org: PhoneNumber,
    /// The long number the message was sent to.
    pub dest: PhoneNumber,
    /// The data coding scheme as it arrived; `None` where the parameter is absent.
    pub dcs: Option<Text>,
    pub message: MessageText,
    /// The bytes of the parameter `message`.
    pub message_raw: Vec<u8>,
    /// Parameters that the document does not name.
    pub extra: Extra,
}

/// A callback, ready to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    DeliveryReport(DeliveryReport),
    InboundMessage(InboundMessage),
    RejectedCallback(RejectedCallback),
}

impl Event {
    /// The approximate memory that the event takes, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::DeliveryReport(report) => {
                    report.mess_id.as_str().len()
                        + report.status.as_str().len()
                        + report.extra.as_json().len()
                }
                Self::InboundMessage(message) => {
                    message.message_raw.len()
                        + message.message.as_str().len()
                        + message.extra.as_json().len()
                }
                Self::RejectedCallback(rejected) => rejected.content.weight(),
            }
    }

    /// What the callback is, or was meant to be.
    #[must_use]
    pub fn kind(&self) -> CallbackKind {
        match self {
            Self::DeliveryReport(_) => CallbackKind::DeliveryReport,
            Self::InboundMessage(_) => CallbackKind::InboundMessage,
            Self::RejectedCallback(rejected) => rejected.kind,
        }
    }

    #[must_use]
    pub fn reception(&self) -> &Reception {
        match self {
            Self::DeliveryReport(report) => &report.reception,
            Self::InboundMessage(message) => &message.reception,
            Self::RejectedCallback(rejected) => &rejected.reception,
        }
    }

    /// The same callback as a rejected one, for a database that refuses it as what it is.
    #[must_use]
    pub fn into_rejected(self, reason: Text) -> RejectedCallback {
        match self {
            Self::DeliveryReport(report) => RejectedCallback {
                kind: CallbackKind::DeliveryReport,
                reason,
                content: RejectedContent::from(&report),
                reception: report.reception,
            },
            Self::InboundMessage(message) => RejectedCallback {
                kind: CallbackKind::InboundMessage,
                reason,
                content: RejectedContent::from(&message),
                reception: message.reception,
            },
            Self::RejectedCallback(rejected) => RejectedCallback { reason, ..rejected },
        }
    }
}
