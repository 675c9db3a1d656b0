//! What is kept of a request that could not be used.

use form_urlencoded::byte_serialize;
use serde_json::{Value, json};

use super::{CallbackKind, DeliveryReport, InboundMessage, Transport};

/// Method, route and parameters of a request, without its credentials: enough to replay it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRequest {
    transport: Transport,
    kind: CallbackKind,
    /// Percent-encoded, so that the exact bytes survive in `jsonb`.
    parameters: String,
}

impl RejectedRequest {
    /// `parameters` are those of query and form together, decoded, without credentials.
    pub fn new<'a>(
        transport: Transport,
        kind: CallbackKind,
        parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let mut encoded = String::new();
        for (name, value) in parameters {
            if !encoded.is_empty() {
                encoded.push('&');
            }
            encoded.extend(byte_serialize(name));
            encoded.push('=');
            encoded.extend(byte_serialize(value));
        }
        Self { transport, kind, parameters: encoded }
    }

    /// The length of what is kept, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.parameters.len()
    }

    pub(super) fn of_report(report: &DeliveryReport) -> Self {
        let extra = report.extra.parameters();
        let documented = [
            ("mess_id", report.mess_id.as_str()),
            ("status", report.status.as_str()),
            ("number", report.number.as_str()),
        ];
        let parameters = documented
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .chain(extra.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        Self::new(report.reception.transport, CallbackKind::DeliveryReport, parameters)
    }

    pub(super) fn of_message(message: &InboundMessage) -> Self {
        let extra = message.extra.parameters();
        let dcs = message.dcs.as_ref().map(|dcs| ("dcs", dcs.as_str().as_bytes()));
        let documented = [
            ("org", message.org.as_str().as_bytes()),
            ("dest", message.dest.as_str().as_bytes()),
            ("message", message.message_raw.as_slice()),
        ];
        let parameters = dcs
            .into_iter()
            .chain(documented)
            .map(|(name, value)| (name.as_bytes(), value))
            .chain(extra.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        Self::new(message.reception.transport, CallbackKind::InboundMessage, parameters)
    }

    /// The request of this [JSON text](Self::to_json); `None` where it is none.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let object: Value = serde_json::from_str(json).ok()?;
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let (method, path) = (text("method")?, text("path")?);
        let transport = [Transport::HttpGet, Transport::HttpPost];
        let kind = [CallbackKind::DeliveryReport, CallbackKind::InboundMessage];
        Some(Self {
            transport: transport.into_iter().find(|transport| method_of(*transport) == method)?,
            kind: kind.into_iter().find(|kind| path_of(*kind) == path)?,
            parameters: text("parameters")?.to_owned(),
        })
    }

    /// Its parameters, percent-encoded.
    #[must_use]
    pub fn parameters(&self) -> &str {
        &self.parameters
    }

    /// As it goes into `rejected_callbacks.request`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (method, path) = (method_of(self.transport), path_of(self.kind));
        json!({ "method": method, "path": path, "parameters": self.parameters }).to_string()
    }
}

fn method_of(transport: Transport) -> &'static str {
    match transport {
        Transport::HttpGet => "GET",
        Transport::HttpPost => "POST",
    }
}

fn path_of(kind: CallbackKind) -> &'static str {
    match kind {
        CallbackKind::DeliveryReport => "/delivery-reports",
        CallbackKind::InboundMessage => "/inbound-messages",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_bytes_of_every_parameter_are_kept_percent_encoded() {
        let parameters: [(&[u8], &[u8]); 2] = [(b"mess_id", b"a b\0&\xE9"), (b"x", b"")];
        let request =
            RejectedRequest::new(Transport::HttpPost, CallbackKind::DeliveryReport, parameters);
        assert_eq!(
            request.to_json(),
            r#"{"method":"POST","parameters":"mess_id=a+b%00%26%E9&x=","path":"/delivery-reports"}"#
        );
    }
}
