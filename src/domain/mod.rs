//! The events: what a callback says, free of HTTP, SMPP, SQL and files. Imports no other room.

mod account_name;
mod callback_kind;
mod declared_charset;
mod delivery_status;
mod encoding;
mod event;
mod event_key;
mod extra;
mod message_text;
mod networks;
mod phone_number;
mod rejected_callback;
mod source;
mod text;

pub use account_name::{AccountName, InvalidAccountName};
pub use callback_kind::CallbackKind;
pub use declared_charset::DeclaredCharset;
pub use delivery_status::DeliveryStatus;
pub use encoding::{Encoding, UnknownEncoding};
pub use event::{DeliveryReport, Event, InboundMessage, Reception};
pub use event_key::{EventKey, EventKeySource};
pub use extra::Extra;
pub use message_text::{Charset, MessageText};
pub use networks::{InvalidNetworks, Networks};
pub use phone_number::PhoneNumber;
pub use rejected_callback::{RejectedCallback, RejectedContent};
pub use source::{Source, Transport};
pub use text::Text;
