//! Which encodings an account reads differently from what the gateway's document says.

use std::collections::BTreeMap;

use super::Encoding;

/// An account's own reading of `dcs` values; empty for most accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodingOverrides(BTreeMap<Option<u8>, Encoding>);

impl EncodingOverrides {
    /// The encoding to use for messages with this `dcs` value, or for messages without a usable
    /// one (`None`), if the account overrides it.
    #[must_use]
    pub fn get(&self, dcs: Option<u8>) -> Option<Encoding> {
        self.0.get(&dcs).copied()
    }

    /// Whether the account overrides nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Option<u8>, Encoding)> for EncodingOverrides {
    fn from_iter<I: IntoIterator<Item = (Option<u8>, Encoding)>>(overrides: I) -> Self {
        Self(overrides.into_iter().collect())
    }
}
