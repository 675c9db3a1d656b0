//! An inbound message from its parameters (the gateway's document, section 7.1).

use crate::accounts::{EncodingOverrides, Secrets};
use crate::domain::{
    DeclaredCharset, Encoding, InboundMessage, MessageText, PhoneNumber, Reception,
};

use super::Unusable;
use super::params::Params;
use super::text::{self, Dcs};

/// A message needs `org` and `dest`. Without `message`, the message is empty.
pub(super) fn parse(
    params: &Params<'_>,
    encodings: &EncodingOverrides,
    secrets: &Secrets,
    reception: Reception,
) -> Result<InboundMessage, Unusable> {
    let text = |parameter| params.first_text(parameter).ok_or(Unusable::Missing(parameter));
    let (org_received, dest_received) = (text("org")?, text("dest")?);
    let (org, dest) = (PhoneNumber::new(&org_received), PhoneNumber::new(&dest_received));
    let originals = [
        org.is_altered(&org_received).then_some(("org_received", &*org_received)),
        dest.is_altered(&dest_received).then_some(("dest_received", &*dest_received)),
    ];
    let dcs = params.first_text("dcs");
    let message_raw = params.first("message").unwrap_or_default().to_vec();
    Ok(InboundMessage {
        org,
        dest,
        message: decode_message(&message_raw, dcs.as_deref(), encodings, params.charset()),
        dcs: dcs.map(|dcs| dcs.into_owned().into()),
        message_raw,
        extra: params.extra(secrets, originals.into_iter().flatten()),
        reception,
    })
}

/// The text of a message with this `dcs`: in the account's own encoding, else in that of the `dcs`. An
/// absent or invalid `dcs` means the gateway's default, for which the `declared` charset is believed.
#[must_use]
pub fn decode_message(
    message_raw: &[u8],
    dcs: Option<&str>,
    encodings: &EncodingOverrides,
    declared: Option<DeclaredCharset>,
) -> MessageText {
    let scheme = dcs.and_then(Dcs::parse);
    if let Some(encoding) = encodings.get(scheme.map(Dcs::value)) {
        return text::decode(message_raw, encoding);
    }
    match (scheme.unwrap_or_default().encoding(), declared) {
        (Encoding::Auto, Some(charset)) => text::decode_declared(message_raw, charset),
        (encoding, _) => text::decode(message_raw, encoding),
    }
}
