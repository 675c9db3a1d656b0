//! What is stored of parameters beyond the values of the document, without credentials.

use std::borrow::Cow;

use crate::accounts::Secrets;
use crate::domain::{CallbackKind, Extra, RejectedContent, Text};

use super::documented::documented;
use super::names::is_credential;
use super::params::{CHARSET, Pair, Params};
use super::text::decode_parameter;

impl Params<'_> {
    /// Every value but the first one of each documented parameter, without credentials and secrets, and
    /// `more`.
    pub(super) fn extra<'m>(
        &self,
        secrets: &Secrets,
        more: impl IntoIterator<Item = (&'m str, &'m str)>,
    ) -> Extra {
        let documented = documented(self.kind).iter().map(|name| self.position(name));
        let documented: Vec<usize> = documented.flatten().collect();
        let text = |bytes: &[u8]| Text::from(decode_parameter(bytes, self.charset()).into_owned());
        let others = self
            .pairs
            .iter()
            .enumerate()
            .filter(|(at, (name, _))| !documented.contains(at) && !is_credential(name));
        let others = others.map(|(_, (name, value))| redacted(secrets, name, value));
        let more = more.into_iter().map(|(name, value)| {
            (Cow::Borrowed(name.as_bytes()), secrets.redact(value.as_bytes()))
        });
        others.chain(more).map(|(name, value)| (text(&name), text(&value))).collect()
    }

    /// What is kept of an unusable callback: every parameter but the credentials, without secrets. The
    /// text of a message stays as it is.
    #[must_use]
    pub fn to_rejected_content(&self, secrets: &Secrets) -> RejectedContent {
        let message = match self.kind {
            CallbackKind::InboundMessage => self.position("message"),
            CallbackKind::DeliveryReport => None,
        };
        let mut kept: Vec<Pair<'_>> = Vec::with_capacity(self.pairs.len());
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            if Some(at) == message {
                kept.push((Cow::Borrowed(name), Cow::Borrowed(value)));
            } else if !is_credential(name) {
                kept.push(redacted(secrets, name, value));
            }
        }
        if let Some(charset) = self.charset()
            && self.position(CHARSET).is_none()
            && kept.iter().any(|(name, value)| !name.is_ascii() || !value.is_ascii())
        {
            let name = Cow::Borrowed(CHARSET.as_bytes());
            kept.push((name, Cow::Borrowed(charset.as_str().as_bytes())));
        }
        RejectedContent::of_parameters(kept.iter().map(|(name, value)| (&**name, &**value)))
    }
}

fn redacted<'p>(secrets: &Secrets, name: &'p [u8], value: &'p [u8]) -> Pair<'p> {
    let pair = (secrets.redact(name), secrets.redact(value));
    // The name and the value may be the parts of one secret.
    let is_whole = || {
        let whole = [name, b"=", value].concat();
        *secrets.redact(&whole) == [&*pair.0, b"=", &*pair.1].concat()
    };
    if !secrets.have_equals_sign() || is_whole() {
        return pair;
    }
    (Cow::Borrowed(b"***"), Cow::Borrowed(b"***"))
}
