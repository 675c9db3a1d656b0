//! Where an account's messages are in another encoding than the gateway's document says.

use std::collections::BTreeMap;

use crate::domain::Encoding;

/// An account's own encodings by `dcs`; empty for most accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodingOverrides(BTreeMap<Option<u8>, Encoding>);

impl EncodingOverrides {
    /// The account's encoding for messages with this `dcs`, or, with `None`, for messages without a
    /// valid one.
    #[must_use]
    pub fn get(&self, dcs: Option<u8>) -> Option<Encoding> {
        self.0.get(&dcs).copied()
    }
}

impl FromIterator<(Option<u8>, Encoding)> for EncodingOverrides {
    fn from_iter<I: IntoIterator<Item = (Option<u8>, Encoding)>>(overrides: I) -> Self {
        Self(overrides.into_iter().collect())
    }
}
