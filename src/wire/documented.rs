//! The parameters that the gateway's document names, credentials included.

use crate::domain::CallbackKind;

/// Section 5.3.2, and the credentials.
pub(super) const DELIVERY_REPORT: [&str; 5] = ["mess_id", "status", "number", "user", "pass"];

/// Table 7 (section 7.1).
pub(super) const INBOUND_MESSAGE: [&str; 6] = ["user", "pass", "dcs", "org", "dest", "message"];

pub(super) fn documented(kind: CallbackKind) -> &'static [&'static str] {
    match kind {
        CallbackKind::DeliveryReport => &DELIVERY_REPORT,
        CallbackKind::InboundMessage => &INBOUND_MESSAGE,
    }
}
