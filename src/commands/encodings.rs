//! How the accounts of stored callbacks read message bytes today.

use std::collections::BTreeMap;

use crate::config::Settings;
use crate::credentials::{AccountsError, accounts_without_generating};
use crate::domain::EncodingOverrides;

/// The encodings of every account, by its name.
pub(super) struct Encodings(BTreeMap<String, EncodingOverrides>);

impl Encodings {
    pub(super) fn of(settings: &Settings) -> Result<Self, AccountsError> {
        let accounts = accounts_without_generating(settings)?;
        Ok(Self(accounts.into_iter().map(|a| (a.name.to_string(), a.encodings)).collect()))
    }

    /// Those of an account that has stored something. Where it is not configured any more, its own are
    /// not known, which is said once.
    pub(super) fn of_account(&mut self, account: &str) -> &EncodingOverrides {
        self.0.entry(account.to_owned()).or_insert_with(|| {
            tracing::warn!(
                account,
                "this account is not configured: its messages are read as if it had no encodings of its own"
            );
            EncodingOverrides::default()
        })
    }
}
