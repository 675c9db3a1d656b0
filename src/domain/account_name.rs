//! The name of an account, as the configuration and every row have it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// 1 to 63 lower-case ASCII letters, digits, `-` and `_`. Cloning is cheap: every event carries one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

/// The name is empty, too long, or has a character that is not allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account name has 1 to 63 lower-case letters, digits, '-' or '_'")]
pub struct InvalidAccountName;

impl AccountName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccountName)
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
