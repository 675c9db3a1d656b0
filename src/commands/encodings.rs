//! How the configured accounts read message bytes today.

use std::collections::BTreeMap;

use crate::accounts::EncodingOverrides;
use crate::config::Settings;
use crate::credentials::{AccountsError, accounts_without_generating};

/// The encodings of every account, by its name.
pub(super) struct AccountEncodings(BTreeMap<String, EncodingOverrides>);

impl AccountEncodings {
    pub(super) fn of(settings: &Settings) -> Result<Self, AccountsError> {
        let accounts = accounts_without_generating(settings)?;
        Ok(Self(accounts.into_iter().map(|a| (a.name.to_string(), a.encodings)).collect()))
    }

    /// The encodings of an account with stored rows. If it is no longer configured, it has no
    /// overrides, and the log says so once.
    pub(super) fn of_account(&mut self, account: &str) -> &EncodingOverrides {
        self.0.entry(account.to_owned()).or_insert_with(|| {
            tracing::warn!(
                account,
                "this account is not configured: its messages are decoded without encoding overrides"
            );
            EncodingOverrides::default()
        })
    }
}
