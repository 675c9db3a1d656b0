//! Admits callbacks, by credentials and then by source address, and logs those that are refused.
//!
//! Report tokens are always compared: they are long. Logins are compared without a limit from an address
//! that has authenticated as the user, else as often as [`Failures`] allows. What strangers can cause is
//! bounded: memory, and lines in the log.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;

use crate::accounts::{Account, Accounts};
use crate::domain::{CallbackKind, Networks, Reception};
use crate::log_once::RateLimitedLog;
use crate::wire::Unusable;

use super::answer::CallbackError;
use super::failures::Failures;
use super::sources;

/// The trusted proxies, and the failures of each address.
pub struct AccessPolicy {
    trusted_proxies: Option<Networks>,
    opened: Instant,
    failures: Failures,
    unauthorized: RateLimitedLog,
    source_not_allowed: RateLimitedLog,
    unusable: RateLimitedLog,
}

impl AccessPolicy {
    /// `X-Forwarded-For` is used only from `trusted_proxies`.
    #[must_use]
    pub fn new(trusted_proxies: Option<Networks>) -> Self {
        Self {
            trusted_proxies,
            opened: Instant::now(),
            failures: Failures::new(),
            unauthorized: RateLimitedLog::default(),
            source_not_allowed: RateLimitedLog::default(),
            unusable: RateLimitedLog::default(),
        }
    }

    /// The address that a request comes from.
    pub(super) fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        sources::source(peer, headers, self.trusted_proxies.as_ref())
    }

    /// The account of a login. Does not compare it if this address has failed too often as this user.
    pub(super) fn by_login<'a>(
        &self,
        accounts: &'a Accounts,
        source: IpAddr,
        user: &[u8],
        password: &[u8],
    ) -> Result<Option<&'a Account>, CallbackError> {
        let now = self.now();
        let guesser = self.failures.guesser(source, user);
        let is_known = self.failures.is_known(guesser, now);
        // Counted before the comparison, so that concurrent guesses are limited, too.
        if !is_known && !self.failures.is_within_limit(guesser, now) {
            self.unauthorized.count();
            return Err(CallbackError::NotCompared);
        }
        let account = accounts.by_login(user, password);
        if account.is_some() {
            self.failures.succeeded(guesser, now);
            if !is_known {
                self.failures.give_back(guesser);
            }
        }
        Ok(account)
    }

    /// The account of a report token.
    pub(super) fn by_report_token<'a>(
        &self,
        accounts: &'a Accounts,
        source: IpAddr,
        token: &[u8],
    ) -> Result<Option<&'a Account>, CallbackError> {
        let account = accounts.by_report_token(token);
        if account.is_none() {
            let guesser = self.failures.guesser(source, b"");
            if !self.failures.is_within_limit(guesser, self.now()) {
                self.unauthorized.count();
                return Err(CallbackError::TooManyFailures);
            }
        }
        Ok(account)
    }

    /// Admits the authenticated account, if its callbacks may come from this address.
    pub(super) fn admit<'a>(
        &self,
        kind: CallbackKind,
        source: IpAddr,
        account: Option<&'a Account>,
    ) -> Result<&'a Account, CallbackError> {
        match account {
            Some(account) if account.allows(source) => Ok(account),
            Some(account) => {
                self.log_source_not_allowed(kind, source, account);
                Err(CallbackError::SourceNotAllowed)
            }
            None => Err(self.refuse(kind, source)),
        }
    }

    fn refuse(&self, kind: CallbackKind, source: IpAddr) -> CallbackError {
        if let Some(callbacks) = self.unauthorized.record(self.now()) {
            tracing::warn!(
                kind = kind.as_str(),
                remote_addr = %source,
                callbacks,
                "wrong or missing credentials; if they are the gateway's, compare the URL, user and password that it has with the account"
            );
        }
        CallbackError::Unauthorized
    }

    fn log_source_not_allowed(&self, kind: CallbackKind, source: IpAddr, account: &Account) {
        if let Some(callbacks) = self.source_not_allowed.record(self.now()) {
            tracing::warn!(
                kind = kind.as_str(),
                account = account.name.as_str(),
                remote_addr = %source,
                callbacks,
                "valid credentials from an address that is not among the account's allowed_sources; add it if it is the gateway's, or set http.trusted_proxies if it is a proxy's"
            );
        }
    }

    /// Logs an authenticated callback that is neither a report nor a message.
    pub(super) fn log_unusable(
        &self,
        kind: CallbackKind,
        reception: &Reception,
        unusable: Unusable,
    ) {
        if let Some(callbacks) = self.unusable.record(self.now()) {
            tracing::warn!(
                kind = kind.as_str(),
                account = reception.account.as_str(),
                remote_addr = %reception.source.remote_addr,
                callbacks,
                reason = %unusable,
                "unusable callbacks are answered 400; they are kept in rejected_callbacks"
            );
        }
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }
}
