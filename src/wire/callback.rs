//! The one way from a callback's parameters to its event, by the kind of callback.

use crate::accounts::EncodingOverrides;
use crate::domain::{CallbackKind, Event, Reception, RejectedContent};

use super::params::Params;
use super::{Unusable, delivery_report, inbound_message};

/// The event that a callback is. `params` were read for the same kind; `encodings` are those of the
/// account.
pub fn parse(
    kind: CallbackKind,
    params: &Params<'_>,
    encodings: &EncodingOverrides,
    reception: Reception,
) -> Result<Event, Unusable> {
    match kind {
        CallbackKind::DeliveryReport => {
            delivery_report::parse(params, reception).map(Event::DeliveryReport)
        }
        CallbackKind::InboundMessage => {
            inbound_message::parse(params, encodings, reception).map(Event::InboundMessage)
        }
    }
}

/// [`parse`] for the content of a rejected callback.
pub fn parse_rejected(
    kind: CallbackKind,
    content: &RejectedContent,
    encodings: &EncodingOverrides,
    reception: Reception,
) -> Result<Event, Unusable> {
    let RejectedContent::Parameters(parameters) = content;
    parse(kind, &Params::parse(kind, parameters.as_bytes(), b""), encodings, reception)
}
