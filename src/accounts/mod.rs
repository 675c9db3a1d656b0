//! The accounts: their credentials, allowed sources and encodings. Knows no transport, and does not
//! ask the database: a callback has to be accepted while Postgres is unavailable.

mod digest;
mod encoding_overrides;
mod previous;
mod secrets;

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use crate::domain::{AccountName, Networks};

use digest::Digest;
pub use encoding_overrides::EncodingOverrides;
pub use previous::PreviousCredential;
pub use secrets::Secrets;

/// The configuration of an account, with its secrets. A report token authenticates delivery reports
/// only; a login authenticates everything.
pub struct Credentials<'a> {
    pub name: AccountName,
    /// The user and its password.
    pub login: Option<(&'a str, Rotated<'a>)>,
    /// The secret path segment of the delivery report URL.
    pub report_token: Rotated<'a>,
    /// The addresses that the account's callbacks may come from; `None` allows any.
    pub allowed_sources: Option<Networks>,
    pub encodings: EncodingOverrides,
}

/// A secret, and the one before it: both are accepted.
#[derive(Clone, Copy, Default)]
pub struct Rotated<'a> {
    pub current: Option<&'a SecretString>,
    pub previous: Option<&'a SecretString>,
}

/// All accounts. What callers present is compared with digests of their secrets.
pub struct Accounts {
    accounts: Vec<Account>,
    secrets: Secrets,
}

/// An account that authenticated.
pub struct Account {
    pub name: AccountName,
    pub encodings: EncodingOverrides,
    allowed_sources: Option<Networks>,
    logins: Vec<Accepted>,
    report_tokens: Vec<Accepted>,
}

/// A secret that authenticates.
struct Accepted {
    digest: Digest,
    /// Set if it is a previous one.
    previous: Option<PreviousCredential>,
}

impl Accounts {
    pub fn new<'a>(accounts: impl IntoIterator<Item = Credentials<'a>>) -> Self {
        let accounts: Vec<_> = accounts.into_iter().collect();
        let secrets = accounts.iter().flat_map(|account| {
            let passwords = account.login.iter().flat_map(|(_, password)| password.both());
            passwords.chain(account.report_token.both())
        });
        Self {
            secrets: secrets.collect(),
            accounts: accounts.into_iter().map(Account::new).collect(),
        }
    }

    /// The passwords and tokens of all accounts.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub fn names(&self) -> impl Iterator<Item = &AccountName> {
        self.accounts.iter().map(|account| &account.name)
    }

    /// The previous passwords and tokens that are still accepted.
    pub fn previous_credentials(&self) -> impl Iterator<Item = &PreviousCredential> {
        self.accounts
            .iter()
            .flat_map(|account| account.logins.iter().chain(&account.report_tokens))
            .filter_map(|secret| secret.previous.as_ref())
    }

    /// The account with this user and password.
    #[must_use]
    pub fn by_login(&self, user: &[u8], password: &[u8]) -> Option<&Account> {
        self.find(&Digest::of_login(user, password), |account| &account.logins)
    }

    /// The account with this report token.
    #[must_use]
    pub fn by_report_token(&self, token: &[u8]) -> Option<&Account> {
        self.find(&Digest::of_token(token), |account| &account.report_tokens)
    }

    /// Compares with every secret of every account, so that the time taken does not tell which secret
    /// was the right one.
    fn find(
        &self,
        presented: &Digest,
        secrets: impl Fn(&Account) -> &[Accepted],
    ) -> Option<&Account> {
        let mut found = None;
        for account in &self.accounts {
            for secret in secrets(account) {
                if secret.digest.equals(presented) {
                    found = Some((account, secret));
                }
            }
        }
        let (account, secret) = found?;
        if let Some(previous) = &secret.previous {
            previous.mark_used();
        }
        Some(account)
    }
}

impl<'a> Rotated<'a> {
    fn both(self) -> impl Iterator<Item = &'a SecretString> {
        self.current.into_iter().chain(self.previous)
    }

    fn accepted(
        self,
        digest: impl Fn(&[u8]) -> Digest,
        previous: impl Fn() -> PreviousCredential,
    ) -> Vec<Accepted> {
        let accepted = |secret: &SecretString, previous| Accepted {
            digest: digest(secret.expose_secret().as_bytes()),
            previous,
        };
        let current = self.current.map(|secret| accepted(secret, None));
        let previous = self.previous.map(|secret| accepted(secret, Some(previous())));
        current.into_iter().chain(previous).collect()
    }
}

impl Account {
    fn new(credentials: Credentials<'_>) -> Self {
        let Credentials { name, login, report_token, allowed_sources, encodings } = credentials;
        let previous = |key| PreviousCredential::new(name.clone(), key);
        let logins = login.map(|(user, password)| {
            let digest = |password: &[u8]| Digest::of_login(user.as_bytes(), password);
            password.accepted(digest, || previous("previous_password"))
        });
        Self {
            logins: logins.unwrap_or_default(),
            report_tokens: report_token
                .accepted(Digest::of_token, || previous("previous_report_token")),
            name,
            encodings,
            allowed_sources,
        }
    }

    /// Whether the account's callbacks may come from this address.
    #[must_use]
    pub fn allows(&self, source: IpAddr) -> bool {
        self.allowed_sources.as_ref().is_none_or(|allowed| allowed.contains(source))
    }
}

#[cfg(test)]
mod tests;
