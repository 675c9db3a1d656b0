//! The section `accounts`: who may send callbacks, and the rules between their keys.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::domain::{AccountName, Encoding, EncodingOverrides, InvalidAccountName, Networks};

use super::kinds::{encoding, login_password, networks, text, url_token};
use super::origin::Origin;
use super::problem::Problem;
use super::reader::Reader;
use super::section::{Key, section};
use super::warning::Warning;

/// An account without any of these could not be used.
const CREDENTIALS: [&str; 5] =
    ["user", "password", "previous_password", "report_token", "previous_report_token"];

/// Keys that need another one beside them.
const NEEDED: [(&str, &str); 4] = [
    ("user", "password"),
    ("password", "user"),
    ("previous_password", "password"),
    ("previous_report_token", "report_token"),
];

/// Somebody who may send callbacks: with a login, a report token, or both.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: AccountName,
    pub login: Option<Login>,
    pub report_token: Option<SecretString>,
    /// Also taken.
    pub previous_report_token: Option<SecretString>,
    /// Where its callbacks may come from. `None`: anywhere.
    pub allowed_sources: Option<Networks>,
    pub encodings: EncodingOverrides,
}

#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
    /// Also taken.
    pub previous_password: Option<SecretString>,
}

section! {
    /// An account as it is written.
    struct AccountKeys {
        user: Option<String> = text(128),
        password: Option<SecretString> = login_password(1024),
        previous_password: Option<SecretString> = login_password(1024),
        report_token: Option<SecretString> = url_token(),
        previous_report_token: Option<SecretString> = url_token(),
        allowed_sources: Option<Networks> = networks(),
    }
}

/// No account is configured. The text says how to configure one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAccount;

impl fmt::Display for NoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no account is configured, so every callback would be refused: set one, for example\n  \
             ROUTO_ACCOUNTS__MAIN__USER=gateway\n  \
             ROUTO_ACCOUNTS__MAIN__PASSWORD=\"$(openssl rand -hex 16)\"\n  \
             ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN=\"$(openssl rand -hex 16)\"",
        )
    }
}

impl std::error::Error for NoAccount {}

pub(super) fn keys() -> Vec<Key> {
    let encodings = Key::declared::<Encoding, _>("accounts.*.encodings.*", &encoding());
    [AccountKeys::keys("accounts.*"), encodings].concat()
}

/// Every account without a problem of its own, sorted by name.
pub(super) fn read(reader: &mut Reader) -> Vec<Account> {
    let mut accounts = Vec::new();
    for (name, origin) in reader.accounts() {
        match name.parse() {
            Ok(name) => accounts.extend(account(reader, name, origin)),
            Err(InvalidAccountName) => {
                reader.problems.push(Problem::AccountName { name, origin });
            }
        }
    }
    for (index, second) in accounts.iter().enumerate() {
        for first in accounts.iter().take(index) {
            credentials_differ(reader, first, second);
        }
    }
    accounts
}

fn account(reader: &mut Reader, name: AccountName, origin: Origin) -> Option<Account> {
    let section = format!("accounts.{name}");
    let keys = AccountKeys::read(reader, &section)?;
    let encodings = encodings(reader, &format!("{section}.encodings"));
    let key = |name: &str| format!("{section}.{name}");
    for (given, missing) in NEEDED.map(|(given, missing)| (key(given), key(missing))) {
        if reader.is_set(&given) && !reader.is_set(&missing) {
            let origin = reader.origin(&given);
            reader.problems.push(Problem::IncompleteLogin { given, origin, missing });
        }
    }
    if !CREDENTIALS.iter().any(|name| reader.is_set(&key(name))) {
        reader.problems.push(Problem::NoWayIn { account: name, origin });
        return None;
    }
    for (name, current, previous) in [
        ("password", &keys.password, &keys.previous_password),
        ("report_token", &keys.report_token, &keys.previous_report_token),
    ] {
        if let (Some(current), Some(previous)) = (current, previous)
            && current.expose_secret() == previous.expose_secret()
            && let Some((current, _)) = reader.set_by(&key(name))
            && let Some((previous, origin)) = reader.set_by(&key(&format!("previous_{name}")))
        {
            reader.warnings.push(Warning::PreviousIsCurrent { previous, origin, current });
        }
    }
    let login =
        |(user, password)| Login { user, password, previous_password: keys.previous_password };
    Some(Account {
        name,
        login: keys.user.zip(keys.password).map(login),
        report_token: keys.report_token,
        previous_report_token: keys.previous_report_token,
        allowed_sources: keys.allowed_sources,
        encodings,
    })
}

fn encodings(reader: &mut Reader, section: &str) -> EncodingOverrides {
    let mut overrides = Vec::new();
    for name in reader.names_in(section) {
        let key = format!("{section}.{name}");
        let encoding = reader.read(&key, &encoding());
        // A number has one spelling, so that no key is given twice. `None` is a missing dcs.
        let dcs = name.parse().ok().filter(|number: &u8| number.to_string() == name);
        if dcs.is_none() && name != "missing" {
            let origin = reader.origin(&key);
            reader.problems.push(Problem::Dcs { key, origin });
        }
        overrides.extend(encoding.map(|encoding| (dcs, encoding)));
    }
    overrides.into_iter().collect()
}

/// Notes what two accounts share, so that a callback could be of either.
fn credentials_differ(reader: &mut Reader, first: &Account, second: &Account) {
    for (name, credential) in credentials(first) {
        for (other_name, other) in credentials(second) {
            if credential != other || (name == "user") != (other_name == "user") {
                continue;
            }
            let (key, other_key) = (
                format!("accounts.{}.{name}", first.name),
                format!("accounts.{}.{other_name}", second.name),
            );
            let (first_origin, second_origin) = (reader.origin(&key), reader.origin(&other_key));
            reader.problems.push(Problem::Shared {
                first: key,
                first_origin,
                second: other_key,
                second_origin,
            });
        }
    }
}

/// What identifies an account, each with the last part of its key.
fn credentials(account: &Account) -> impl Iterator<Item = (&'static str, &str)> {
    [
        ("user", account.login.as_ref().map(|login| login.user.as_str())),
        ("report_token", account.report_token.as_ref().map(ExposeSecret::expose_secret)),
        (
            "previous_report_token",
            account.previous_report_token.as_ref().map(ExposeSecret::expose_secret),
        ),
    ]
    .into_iter()
    .filter_map(|(name, credential)| Some((name, credential?)))
}
