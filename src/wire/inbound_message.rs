//! An inbound message from its parameters (the gateway's document, section 7.1).

use crate::accounts::EncodingOverrides;
use crate::domain::{Encoding, InboundMessage, PhoneNumber, Reception};

use super::Unusable;
use super::documented::INBOUND_MESSAGE;
use super::params::Params;
use super::text::{self, Dcs};

/// A message needs `org` and `dest`. Without `message`, the message is empty.
pub(super) fn parse(
    params: &Params<'_>,
    encodings: &EncodingOverrides,
    reception: Reception,
) -> Result<InboundMessage, Unusable> {
    let number = |parameter| {
        let text = params.first_text(parameter).ok_or(Unusable { parameter })?;
        Ok(PhoneNumber::new(&text))
    };
    let dcs = params.first_text("dcs");
    let encoding = encoding(dcs.as_deref(), encodings);
    let message_raw = params.first("message").unwrap_or_default().to_vec();
    Ok(InboundMessage {
        org: number("org")?,
        dest: number("dest")?,
        dcs: dcs.map(|dcs| dcs.into_owned().into()),
        message: text::decode(&message_raw, encoding),
        message_raw,
        extra: params.extra(&INBOUND_MESSAGE),
        reception,
    })
}

/// The encoding of a message with this `dcs`: the account's own, else that of the `dcs`. An absent or
/// invalid `dcs` means the gateway's default.
#[must_use]
pub fn encoding(dcs: Option<&str>, encodings: &EncodingOverrides) -> Encoding {
    let scheme = dcs.and_then(Dcs::parse);
    encodings.get(scheme.map(Dcs::value)).unwrap_or_else(|| scheme.unwrap_or_default().encoding())
}
