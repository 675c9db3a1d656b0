//! The three kinds of fact that a callback becomes.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    AccountName, Charset, DeliveryStatus, EventKey, EventKeySource, Extra, MessageText,
    PhoneNumber, RejectedRequest, Text,
};

/// What is known of a callback before its content is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Identity and time.
    pub key: EventKey,
    /// The account that authenticated it.
    pub account: AccountName,
    /// How it came.
    pub transport: Transport,
    /// Who sent it.
    pub remote_addr: IpAddr,
}

/// How a callback came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// An HTTP `GET`.
    HttpGet,
    /// An HTTP `POST`.
    HttpPost,
}

impl Transport {
    /// The name it is stored under.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HttpGet => "http-get",
            Self::HttpPost => "http-post",
        }
    }

    /// The transport of this [name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::HttpGet, Self::HttpPost].into_iter().find(|transport| transport.as_str() == name)
    }
}

/// What a message that was sent came to, so far (the gateway's document, section 5.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// When, whose and from where.
    pub reception: Reception,
    /// The sender's name for the message; neither unique nor limited to what the document promises.
    pub mess_id: Text,
    /// The number the message was sent to.
    pub number: PhoneNumber,
    /// Its status.
    pub status: DeliveryStatus,
    /// Parameters the document does not name.
    pub extra: Extra,
}

/// A message that somebody sent to the customer's long number (section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    /// When, whose and from where.
    pub reception: Reception,
    /// The number, or name, the message was sent from.
    pub org: PhoneNumber,
    /// The long number it was sent to.
    pub dest: PhoneNumber,
    /// The data coding scheme as it arrived; `None` when the parameter was absent.
    pub dcs: Option<Text>,
    /// The text, as far as the bytes could be read.
    pub message: MessageText,
    /// The bytes of the message parameter.
    pub message_raw: Vec<u8>,
    /// Parameters the document does not name.
    pub extra: Extra,
}

/// A callback that authenticated but is no report and no message, kept so that nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedCallback {
    /// When, whose and from where.
    pub reception: Reception,
    /// What it was meant to be.
    pub kind: CallbackKind,
    /// Why it could not be.
    pub reason: Text,
    /// The request without its credentials.
    pub request: RejectedRequest,
}

/// The two kinds of callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallbackKind {
    /// A delivery report.
    DeliveryReport,
    /// An inbound message.
    InboundMessage,
}

impl CallbackKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::DeliveryReport, Self::InboundMessage];

    /// The name it is stored and logged under.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryReport => "delivery-report",
            Self::InboundMessage => "inbound-message",
        }
    }

    /// The kind of this [name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A fact to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A delivery report.
    DeliveryReport(DeliveryReport),
    /// An inbound message.
    InboundMessage(InboundMessage),
    /// A callback that was neither.
    RejectedCallback(RejectedCallback),
}

impl Event {
    /// One of each kind, of now and of nobody, for trying whether rows are taken.
    #[must_use]
    pub fn samples() -> [Self; 3] {
        let reception = Reception {
            key: EventKeySource::system().next(),
            account: AccountName::none(),
            transport: Transport::HttpGet,
            remote_addr: Ipv4Addr::LOCALHOST.into(),
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
        let rejected = Self::DeliveryReport(report.clone()).into_rejected(Text::default());
        [
            Self::DeliveryReport(report),
            Self::InboundMessage(message),
            Self::RejectedCallback(rejected),
        ]
    }

    /// How much memory its contents take, about, in bytes.
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
                Self::RejectedCallback(rejected) => rejected.request.weight(),
            }
    }

    /// When, whose and from where.
    #[must_use]
    pub fn reception(&self) -> &Reception {
        match self {
            Self::DeliveryReport(report) => &report.reception,
            Self::InboundMessage(message) => &message.reception,
            Self::RejectedCallback(rejected) => &rejected.reception,
        }
    }

    /// The same fact as a rejected callback, for a database that refuses it as what it is.
    #[must_use]
    pub fn into_rejected(self, reason: Text) -> RejectedCallback {
        match self {
            Self::DeliveryReport(report) => RejectedCallback {
                kind: CallbackKind::DeliveryReport,
                reason,
                request: RejectedRequest::of_report(&report),
                reception: report.reception,
            },
            Self::InboundMessage(message) => RejectedCallback {
                kind: CallbackKind::InboundMessage,
                reason,
                request: RejectedRequest::of_message(&message),
                reception: message.reception,
            },
            Self::RejectedCallback(rejected) => RejectedCallback { reason, ..rejected },
        }
    }
}
