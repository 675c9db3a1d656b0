//! Who may call back. Nothing here asks the database: a callback must be accepted while Postgres is
//! away.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::{AccountName, EncodingOverrides, Networks};

/// What an account may show to be believed. A token stands for delivery reports only; the login is
/// good for both kinds of callback.
pub struct Credentials<'a> {
    /// The account.
    pub name: AccountName,
    /// The user, and the passwords that are good for it.
    pub login: Option<(&'a str, Vec<&'a SecretString>)>,
    /// The secret path segments of the delivery report URL.
    pub report_tokens: Vec<&'a SecretString>,
    /// Where its callbacks may come from; anywhere if there is nothing.
    pub allowed_sources: Option<Networks>,
    /// How the account's messages are read.
    pub encodings: EncodingOverrides,
}

/// All accounts. Of their secrets only digests are held.
pub struct Accounts(Vec<Account>);

/// An account as the routes need it.
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// How its messages are read.
    pub encodings: EncodingOverrides,
    allowed_sources: Option<Networks>,
    logins: Vec<Fingerprint>,
    report_tokens: Vec<Fingerprint>,
}

/// Digests are compared, not secrets: they are of one length, whatever was presented.
type Fingerprint = [u8; 32];

impl Accounts {
    /// The accounts that may call back.
    pub fn new<'a>(accounts: impl IntoIterator<Item = Credentials<'a>>) -> Self {
        let secret = |secret: &'a SecretString| secret.expose_secret().as_bytes();
        let account = |credentials: Credentials<'a>| Account {
            logins: credentials
                .login
                .iter()
                .flat_map(|(user, passwords)| passwords.iter().map(move |pass| (user, pass)))
                .map(|(user, pass)| of_login(user.as_bytes(), secret(pass)))
                .collect(),
            report_tokens: credentials.report_tokens.iter().map(|t| of_token(secret(t))).collect(),
            name: credentials.name,
            allowed_sources: credentials.allowed_sources,
            encodings: credentials.encodings,
        };
        Self(accounts.into_iter().map(account).collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &AccountName> {
        self.0.iter().map(|account| &account.name)
    }

    pub(super) fn by_login(&self, user: &[u8], pass: &[u8]) -> Option<&Account> {
        self.find(of_login(user, pass), |account| &account.logins)
    }

    pub(super) fn by_report_token(&self, token: &[u8]) -> Option<&Account> {
        self.find(of_token(token), |account| &account.report_tokens)
    }

    /// Always looks at every secret of every account, so that the time taken says nothing about which
    /// one it was.
    fn find(
        &self,
        presented: Fingerprint,
        known: impl Fn(&Account) -> &[Fingerprint],
    ) -> Option<&Account> {
        let mut found = None;
        for account in &self.0 {
            for known in known(account) {
                if known.ct_eq(&presented).into() {
                    found = Some(account);
                }
            }
        }
        found
    }
}

impl Account {
    /// Whether its callbacks may come from this address.
    pub(super) fn allows(&self, source: IpAddr) -> bool {
        self.allowed_sources.as_ref().is_none_or(|allowed| allowed.contains(source))
    }
}

/// User and password of an `Authorization: Basic` header's value (RFC 7617).
pub(super) fn basic(header: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let login = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = memchr::memchr(b':', &login)?;
    let (user, pass) = login.split_at_checked(colon)?;
    Some((user.to_vec(), pass.get(1..)?.to_vec()))
}

/// The user's length is part of it, so that no other division of the same bytes is equal.
fn of_login(user: &[u8], pass: &[u8]) -> Fingerprint {
    Sha256::new()
        .chain_update(user.len().to_be_bytes())
        .chain_update(user)
        .chain_update(pass)
        .finalize()
        .into()
}

fn of_token(token: &[u8]) -> Fingerprint {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let (a, b, old) = (secret("one"), secret("two"), secret("once"));
        let (token, old_token) = (secret("t-0123456789"), secret("t-old"));
        let credentials = |name: &str, login, report_tokens| Credentials {
            name: name.parse().unwrap(),
            login,
            report_tokens,
            allowed_sources: None,
            encodings: EncodingOverrides::default(),
        };
        Accounts::new([
            credentials("a", Some(("alice", vec![&a])), vec![]),
            credentials("b", Some(("bob", vec![&b, &old])), vec![&token, &old_token]),
            credentials("c", None, vec![]),
        ])
    }

    #[test]
    fn a_login_is_its_accounts_and_nobody_elses() {
        let accounts = accounts();
        let name = |user: &str, pass: &str| {
            accounts.by_login(user.as_bytes(), pass.as_bytes()).map(|a| a.name.as_str().to_owned())
        };
        assert_eq!(name("alice", "one").as_deref(), Some("a"));
        assert_eq!(name("bob", "two").as_deref(), Some("b"));
        assert_eq!(name("bob", "once").as_deref(), Some("b"), "the previous one");
        for (user, pass) in [
            ("alice", "two"),
            ("alice", "once"),
            ("alice", ""),
            ("", ""),
            ("alic", "eone"),
            ("bob", "t-0123456789"),
            ("Alice", "one"),
            ("nobody", "one"),
        ] {
            assert_eq!(name(user, pass), None, "{user}:{pass}");
        }
    }

    #[test]
    fn a_token_is_its_accounts_and_an_account_without_one_has_none() {
        let accounts = accounts();
        let name = |token: &str| {
            accounts.by_report_token(token.as_bytes()).map(|a| a.name.as_str().to_owned())
        };
        assert_eq!(name("t-0123456789").as_deref(), Some("b"));
        assert_eq!(name("t-old").as_deref(), Some("b"), "the previous one");
        for token in ["", "t-012345678", "t-01234567890", "two"] {
            assert_eq!(name(token), None, "{token}");
        }
    }

    #[test]
    fn basic_credentials_are_read_as_rfc_7617_writes_them() {
        let read = |header: &str| basic(header.as_bytes());
        let aladdin = Some((b"Aladdin".to_vec(), b"open sesame".to_vec()));
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), aladdin);
        assert_eq!(read("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ== "), aladdin);
        assert_eq!(read("Basic YTpiOmM="), Some((b"a".to_vec(), b"b:c".to_vec())));
        for none in ["", "Basic", "Basic ", "Basic ?", "Bearer YTpi", "Basic YWI="] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
