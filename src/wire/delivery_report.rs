//! A delivery report from its parameters (the gateway's document, section 5.3.2).

use crate::domain::{DeliveryReport, DeliveryStatus, PhoneNumber, Reception, Text};

use super::Unusable;
use super::documented::DELIVERY_REPORT;
use super::params::Params;

/// A report needs all three parameters of the document. Each may be empty, and any `status` is valid.
pub(super) fn parse(params: &Params<'_>, reception: Reception) -> Result<DeliveryReport, Unusable> {
    let text = |parameter| params.first_text(parameter).ok_or(Unusable { parameter });
    Ok(DeliveryReport {
        mess_id: text("mess_id")?.into_owned().into(),
        number: PhoneNumber::new(&text("number")?),
        status: DeliveryStatus::new(Text::from(text("status")?.into_owned())),
        extra: params.extra(&DELIVERY_REPORT),
        reception,
    })
}
