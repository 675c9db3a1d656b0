//! A delivery report from its parameters (the gateway's document, section 5.3.2).

use crate::accounts::Secrets;
use crate::domain::{DeliveryReport, DeliveryStatus, PhoneNumber, Reception, Text};

use super::Unusable;
use super::params::Params;

/// A report needs all three parameters of the document. Each may be empty, and any `status` is valid.
pub(super) fn parse(
    params: &Params<'_>,
    secrets: &Secrets,
    reception: Reception,
) -> Result<DeliveryReport, Unusable> {
    let text = |parameter| params.first_text(parameter).ok_or(Unusable::Missing(parameter));
    let mess_id = text("mess_id")?;
    let received = text("number")?;
    let number = PhoneNumber::new(&received);
    let original = number.is_altered(&received).then_some(("number_received", &*received));
    Ok(DeliveryReport {
        mess_id: mess_id.into_owned().into(),
        number,
        status: DeliveryStatus::new(Text::from(text("status")?.into_owned())),
        extra: params.extra(secrets, original),
        reception,
    })
}
