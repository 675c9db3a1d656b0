//! The facts: what a callback says, free of HTTP, SQL and files. Imports no other room.

mod account;
mod delivery_status;
mod encoding;
mod encoding_overrides;
mod event;
mod event_key;
mod extra;
mod message_text;
mod networks;
mod number;
mod partition_width;
mod rejected_request;
mod text;

pub use account::{AccountName, InvalidAccountName};
pub use delivery_status::DeliveryStatus;
pub use encoding::{Encoding, UnknownEncoding};
pub use encoding_overrides::EncodingOverrides;
pub use event::{
    CallbackKind, DeliveryReport, Event, InboundMessage, Reception, RejectedCallback, Transport,
};
pub use event_key::{EventKey, EventKeySource};
pub use extra::Extra;
pub use message_text::{Charset, MessageText};
pub use networks::{InvalidNetworks, Networks};
pub use number::PhoneNumber;
pub use partition_width::PartitionWidth;
pub use rejected_request::RejectedRequest;
pub use text::Text;
