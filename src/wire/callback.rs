//! The one way from a callback's parameters to its event, by the kind of callback.

use crate::accounts::{EncodingOverrides, Secrets};
use crate::domain::{CallbackKind, Event, Reception, RejectedContent};

use super::params::Params;
use super::{Unusable, delivery_report, inbound_message};

/// The event that a callback is. `params` were read for the same kind; `encodings` are those of the
/// account. `secrets` are kept out of the event.
pub fn parse(
    kind: CallbackKind,
    params: &Params<'_>,
    encodings: &EncodingOverrides,
    secrets: &Secrets,
    reception: Reception,
) -> Result<Event, Unusable> {
    if let Some(unreadable) = params.unreadable_body() {
        return Err(unreadable.into());
    }
    match kind {
        CallbackKind::DeliveryReport => {
            delivery_report::parse(params, secrets, reception).map(Event::DeliveryReport)
        }
        CallbackKind::InboundMessage => {
            inbound_message::parse(params, encodings, secrets, reception).map(Event::InboundMessage)
        }
    }
}

/// [`parse`] for the content of a rejected callback, which has no secrets.
pub fn parse_rejected(
    kind: CallbackKind,
    content: &RejectedContent,
    encodings: &EncodingOverrides,
    reception: Reception,
) -> Result<Event, Unusable> {
    let RejectedContent::Parameters(parameters) = content;
    let params = Params::parse(kind, parameters.as_bytes(), b"");
    parse(kind, &params, encodings, &Secrets::default(), reception)
}
