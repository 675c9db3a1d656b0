//! The accounts: their credentials, allowed sources and encodings. Knows no transport, and does not
//! ask the database: a callback has to be accepted while Postgres is away.

mod digest;
mod encoding_overrides;
mod secrets;

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use crate::domain::{AccountName, Networks};

use digest::Digest;
pub use encoding_overrides::EncodingOverrides;
pub use secrets::Secrets;

/// The configuration of an account, with its secrets. A report token authenticates delivery reports
/// only; a login authenticates everything.
pub struct Credentials<'a> {
    pub name: AccountName,
    /// The user, and the passwords that are accepted for it: the current one and the previous one.
    pub login: Option<(&'a str, Vec<&'a SecretString>)>,
    /// The secret path segments of the delivery report URL, the current one and the previous one.
    pub report_tokens: Vec<&'a SecretString>,
    /// The addresses that the account's callbacks may come from; `None` allows any.
    pub allowed_sources: Option<Networks>,
    pub encodings: EncodingOverrides,
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
    logins: Vec<Digest>,
    report_tokens: Vec<Digest>,
}

impl Accounts {
    pub fn new<'a>(accounts: impl IntoIterator<Item = Credentials<'a>>) -> Self {
        let accounts: Vec<_> = accounts.into_iter().collect();
        let secrets = accounts.iter().flat_map(|account| {
            let passwords = account.login.iter().flat_map(|(_, passwords)| passwords);
            passwords.chain(&account.report_tokens).copied()
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
        secrets: impl Fn(&Account) -> &[Digest],
    ) -> Option<&Account> {
        let mut found = None;
        for account in &self.accounts {
            for secret in secrets(account) {
                if secret.equals(presented) {
                    found = Some(account);
                }
            }
        }
        found
    }
}

impl Account {
    fn new(credentials: Credentials<'_>) -> Self {
        let Credentials { name, login, report_tokens, allowed_sources, encodings } = credentials;
        let logins = login.iter().flat_map(|(user, passwords)| {
            let user = user.as_bytes();
            passwords.iter().map(move |password| Digest::of_login(user, bytes_of(password)))
        });
        Self {
            logins: logins.collect(),
            report_tokens: report_tokens.iter().map(|t| Digest::of_token(bytes_of(t))).collect(),
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

fn bytes_of(secret: &SecretString) -> &[u8] {
    secret.expose_secret().as_bytes()
}

#[cfg(test)]
mod tests;
