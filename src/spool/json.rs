//! A callback as a line of JSON, as `spool export` prints it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::domain::{Event, Reception, RejectedContent, Text};

use super::error::SpoolError;

/// The line of a callback. There is none for a time before the year 0 or after 9999.
pub(super) fn line(event: &Event) -> Result<String, SpoolError> {
    let received = received(event.reception())?;
    let extra = |json| serde_json::from_str::<Value>(json).expect("`Extra` is JSON");
    let line = match event {
        Event::DeliveryReport(report) => json!({ "delivery-report": {
            "received": received,
            "mess_id": report.mess_id.as_str(),
            "number": report.number.as_str(),
            "status": report.status.as_str(),
            "extra": extra(report.extra.as_json()),
        }}),
        Event::InboundMessage(message) => json!({ "inbound-message": {
            "received": received,
            "org": message.org.as_str(),
            "dest": message.dest.as_str(),
            "dcs": message.dcs.as_ref().map(Text::as_str),
            "message": message.message.as_str(),
            "charset": message.message.charset().as_str(),
            "is_lossy": message.message.is_lossy(),
            "message_raw": BASE64_STANDARD.encode(&message.message_raw),
            "extra": extra(message.extra.as_json()),
        }}),
        Event::RejectedCallback(rejected) => {
            let RejectedContent::Parameters(parameters) = &rejected.content;
            json!({ "rejected-callback": {
                "received": received,
                "kind": rejected.kind.as_str(),
                "reason": rejected.reason.as_str(),
                "parameters": parameters,
            }})
        }
    };
    Ok(line.to_string())
}

fn received(reception: &Reception) -> Result<Value, SpoolError> {
    let received_at = reception.key.received_at.format(&Rfc3339).map_err(SpoolError::Time)?;
    Ok(json!({
        "received_at": received_at,
        "id": reception.key.id,
        "account": reception.account.as_str(),
        "transport": reception.source.transport.as_str(),
        "remote_addr": reception.source.remote_addr,
    }))
}
