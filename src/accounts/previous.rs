//! A previous password or token, and when somebody last used it: whether it can be removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

use crate::domain::AccountName;

/// Not used since the start.
const NEVER: i64 = 0;

/// Clones share the time.
#[derive(Clone, Debug)]
pub struct PreviousCredential {
    pub account: AccountName,
    /// The key of the configuration.
    pub key: &'static str,
    /// In seconds since 1970.
    last_used: Arc<AtomicI64>,
}

impl PreviousCredential {
    pub(super) fn new(account: AccountName, key: &'static str) -> Self {
        Self { account, key, last_used: Arc::new(AtomicI64::new(NEVER)) }
    }

    pub(super) fn mark_used(&self) {
        self.last_used.store(OffsetDateTime::now_utc().unix_timestamp(), Ordering::Relaxed);
    }

    /// In seconds since 1970; `None` if it was not used since the start.
    #[must_use]
    pub fn last_used(&self) -> Option<i64> {
        let at = self.last_used.load(Ordering::Relaxed);
        (at != NEVER).then_some(at)
    }
}
