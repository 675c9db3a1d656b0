//! A callback that authenticated but could not be stored as what it was meant to be.

use form_urlencoded::byte_serialize;

use super::{CallbackKind, Charset, DeliveryReport, InboundMessage, Reception, Text};

/// An unusable callback, or one that Postgres refused. It is kept so that nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedCallback {
    pub reception: Reception,
    /// What the callback was meant to be.
    pub kind: CallbackKind,
    pub reason: Text,
    pub content: RejectedContent,
}

/// What a rejected callback carried, without its credentials: enough to read it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RejectedContent {
    /// The parameters in their order, percent-encoded, so that their exact bytes survive in `jsonb`.
    Parameters(String),
}

impl RejectedContent {
    /// Content of these parameters. Names and values are decoded bytes, without credentials.
    pub fn of_parameters<'a>(parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut encoded = String::new();
        for (name, value) in parameters {
            if !encoded.is_empty() {
                encoded.push('&');
            }
            encoded.extend(byte_serialize(name));
            encoded.push('=');
            encoded.extend(byte_serialize(value));
        }
        Self::Parameters(encoded)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self::Parameters(parameters) = self;
        parameters.is_empty()
    }

    /// The approximate memory that the content takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        let Self::Parameters(parameters) = self;
        parameters.len()
    }
}

impl From<&DeliveryReport> for RejectedContent {
    fn from(report: &DeliveryReport) -> Self {
        let extra = report.extra.parameters();
        let documented = [
            ("mess_id", report.mess_id.as_str()),
            ("status", report.status.as_str()),
            ("number", report.number.as_str()),
        ];
        let extra = extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters = documented.into_iter().chain(extra);
        Self::of_parameters(parameters.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }
}

impl From<&InboundMessage> for RejectedContent {
    fn from(message: &InboundMessage) -> Self {
        let extra = message.extra.parameters();
        let dcs = message.dcs.as_ref().map(|dcs| ("dcs", dcs.as_str().as_bytes()));
        let documented = [
            ("org", message.org.as_str().as_bytes()),
            ("dest", message.dest.as_str().as_bytes()),
            ("message", message.message_raw.as_slice()),
        ];
        let extra = extra.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let charset = match message.message.charset() {
            Charset::Declared(charset) => Some(("_charset_", charset.as_str().as_bytes())),
            _ => None,
        };
        let parameters = dcs.into_iter().chain(documented).chain(extra).chain(charset);
        Self::of_parameters(parameters.map(|(name, value)| (name.as_bytes(), value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_bytes_of_every_parameter_are_kept_percent_encoded() {
        let parameters: [(&[u8], &[u8]); 2] = [(b"mess_id", b"a b\0&\xE9"), (b"x", b"")];
        assert_eq!(
            RejectedContent::of_parameters(parameters),
            RejectedContent::Parameters("mess_id=a+b%00%26%E9&x=".to_owned())
        );
    }
}
