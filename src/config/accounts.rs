//! The section `accounts`: who may send callbacks, and the rules between their keys.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::EncodingOverrides;
use crate::domain::{AccountName, Encoding, InvalidAccountName, Networks};

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
    /// Also accepted.
    pub previous_report_token: Option<SecretString>,
    /// Where its callbacks may come from. `None`: anywhere.
    pub allowed_sources: Option<Networks>,
    pub encodings: EncodingOverrides,
}

#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
    /// Also accepted.
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

/// The text says how to configure an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no account is configured, so every callback would be refused: set one, for example\n  \
     ROUTO_ACCOUNTS__MAIN__USER=gateway\n  \
     ROUTO_ACCOUNTS__MAIN__PASSWORD=\"$(openssl rand -hex 16)\"\n  \
     ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN=\"$(openssl rand -hex 16)\""
)]
pub struct NoAccount;

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
    note_shared_credentials(reader, &accounts);
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

/// A callback with a credential that two accounts share could be of either.
fn note_shared_credentials(reader: &mut Reader, accounts: &[Account]) {
    let mut seen = BTreeMap::new();
    for account in accounts {
        for (name, credential) in credentials(account) {
            let second = format!("accounts.{}.{name}", account.name);
            let (owner, first) = seen
                .entry((name == "user", credential))
                .or_insert_with(|| (&account.name, second.clone()));
            if *owner != &account.name {
                let (first, first_origin) = (first.clone(), reader.origin(first));
                let second_origin = reader.origin(&second);
                let problem = Problem::Shared { first, first_origin, second, second_origin };
                reader.problems.push(problem);
            }
        }
    }
}

/// What identifies an account, each with the last part of its key.
fn credentials(account: &Account) -> impl Iterator<Item = (&'static str, &str)> {
    let Account { login, report_token, previous_report_token, .. } = account;
    let user = login.iter().map(|login| ("user", &*login.user));
    let tokens = [("report_token", report_token), ("previous_report_token", previous_report_token)];
    let tokens = tokens
        .into_iter()
        .flat_map(|(name, token)| token.iter().map(move |token| (name, token.expose_secret())));
    user.chain(tokens)
}
