//! An inbound message from its parameters (the gateway's document, section 7.1).

use crate::domain::{Encoding, EncodingOverrides, InboundMessage, PhoneNumber, Reception};

use super::Unusable;
use super::params::Params;
use super::text::{self, Dcs};

/// The parameters that the route knows: Table 7 of the document.
pub const PARAMETERS: [&str; 6] = ["user", "pass", "dcs", "org", "dest", "message"];

/// A message needs `org` and `dest`; an absent `message` is an empty one, and an absent or odd
/// `dcs` is read as the gateway's default. `overrides` are the account's own readings of `dcs`.
pub fn parse(
    params: &Params<'_>,
    overrides: &EncodingOverrides,
    reception: Reception,
) -> Result<InboundMessage, Unusable> {
    let number = |parameter| {
        let text = params.first_text(parameter).ok_or(Unusable { parameter })?;
        Ok(PhoneNumber::new(&text))
    };
    let dcs = params.first_text("dcs");
    let encoding = encoding(dcs.as_deref(), overrides);
    let message_raw = params.first("message").unwrap_or_default().to_vec();
    Ok(InboundMessage {
        org: number("org")?,
        dest: number("dest")?,
        dcs: dcs.map(|dcs| dcs.into_owned().into()),
        message: text::decode(&message_raw, encoding),
        message_raw,
        extra: params.extra(&PARAMETERS),
        reception,
    })
}

/// How a message with this `dcs` is read.
#[must_use]
pub fn encoding(dcs: Option<&str>, overrides: &EncodingOverrides) -> Encoding {
    let scheme = dcs.and_then(Dcs::parse);
    overrides.get(scheme.map(Dcs::value)).unwrap_or_else(|| scheme.unwrap_or_default().encoding())
}
