//! The section `accounts`: who may send callbacks, and the rules between them.

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::EncodingOverrides;
use crate::domain::AccountName;

use super::expected::Expected;
use super::origin::Origin;
use super::problem::Problem;
use super::reader::{self, Reader};
use super::secret::Secret;
use super::settings::{Account, Login};
use super::warning::Warning;

const USER_CHARS: usize = 128;
const PASSWORD_CHARS: usize = 1024;
const TOKEN_BYTES: usize = 128;
const SAFE_TOKEN_BYTES: usize = 16;
const SAFE_PASSWORD_CHARS: usize = 8;

/// The keys of which an account has at least one; a previous secret asks for the current one.
const WAYS_IN: [&str; 5] =
    ["user", "password", "previous_password", "report_token", "previous_report_token"];

/// Every account without a problem, by name.
pub(super) fn read(reader: &mut Reader) -> Vec<Account> {
    let mut accounts = Vec::new();
    for (name, origin) in reader.accounts() {
        match name.parse() {
            Ok(valid) => accounts.extend(account(reader, valid, origin)),
            Err(_) => reader.problem(Problem::AccountName { name, origin }),
        }
    }
    no_two_may_share(reader, &accounts);
    accounts
}

fn account(reader: &mut Reader, name: AccountName, origin: Origin) -> Option<Account> {
    let key = |last: &str| format!("accounts.{name}.{last}");
    let login = login(reader, [&key("user"), &key("password"), &key("previous_password")]);
    let (token, previous) = (key("report_token"), key("previous_report_token"));
    let [report_token, previous_report_token] = rotated(reader, [&token, &previous], report_token);
    let allowed_sources = reader.networks(&key("allowed_sources"));
    let encodings = encodings(reader, &key("encodings"));

    let given = |last| reader.secret_origin(&key(last)).is_some();
    if !WAYS_IN.into_iter().any(given) {
        reader.problem(Problem::NoWayIn { account: name, origin });
        return None;
    }
    Some(Account { name, login, report_token, previous_report_token, allowed_sources, encodings })
}

fn login(reader: &mut Reader, [user_key, password_key, previous_key]: [&str; 3]) -> Option<Login> {
    let user = reader.exact_text(user_key, USER_CHARS);
    let [password, previous_password] =
        rotated(reader, [password_key, previous_key], self::password);
    match (reader.origin(user_key), reader.secret_origin(password_key)) {
        (Some(origin), None) => incomplete(reader, user_key, origin, password_key),
        (None, Some(origin)) => incomplete(reader, password_key, origin, user_key),
        (Some(_), Some(_)) | (None, None) => {}
    }
    Some(Login { user: user?, password: password?, previous_password })
}

/// A secret, and the one before it, which makes sense only beside it.
fn rotated(
    reader: &mut Reader,
    [key, previous_key]: [&str; 2],
    read: fn(&mut Reader, &str) -> Option<Secret>,
) -> [Option<SecretString>; 2] {
    let (current, previous) = (read(reader, key), read(reader, previous_key));
    if let (None, Some(origin)) = (reader.secret_origin(key), reader.secret_origin(previous_key)) {
        incomplete(reader, previous_key, origin, key);
    }
    if let (Some(current), Some(previous)) = (&current, &previous)
        && current.text == previous.text
    {
        reader.warn(Warning::PreviousIsCurrent {
            previous: previous.key.clone(),
            origin: previous.origin.clone(),
            current: current.key.clone(),
        });
    }
    [current, previous].map(|secret| secret.map(Secret::into_secret))
}

fn incomplete(reader: &mut Reader, given: &str, origin: Origin, missing: &str) {
    let (given, missing) = (given.to_owned(), missing.to_owned());
    reader.problem(Problem::IncompleteLogin { given, origin, missing });
}

fn password(reader: &mut Reader, key: &str) -> Option<Secret> {
    let password = reader.secret(key, Expected::Text { max_chars: PASSWORD_CHARS }, |text| {
        reader::is_text(text, PASSWORD_CHARS)
    })?;
    if password.text.chars().count() < SAFE_PASSWORD_CHARS {
        reader.warn(Warning::ShortPassword {
            key: password.key.clone(),
            origin: password.origin.clone(),
        });
    }
    Some(password)
}

fn report_token(reader: &mut Reader, key: &str) -> Option<Secret> {
    let token = reader.secret(key, Expected::ReportToken, |text| {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.len() <= TOKEN_BYTES
            && text.bytes().all(unreserved)
            // A path that ends in one of these leads elsewhere.
            && ![".", ".."].contains(&text)
    })?;
    if token.text.len() < SAFE_TOKEN_BYTES {
        reader.warn(Warning::ShortReportToken {
            key: token.key.clone(),
            origin: token.origin.clone(),
        });
    }
    Some(token)
}

fn encodings(reader: &mut Reader, section: &str) -> EncodingOverrides {
    let mut overrides = Vec::new();
    for name in reader.names_in(section) {
        let key = format!("{section}.{name}");
        let encoding = reader.required(&key, Expected::Encoding, |text| text.parse().ok());
        match (dcs(&name), encoding) {
            (Ok(dcs), Some(encoding)) => overrides.push((dcs, encoding)),
            (Ok(_), None) => {}
            (Err(NotADcs), _) => {
                let origin = reader.origin(&key).unwrap_or(Origin::Default);
                reader.problem(Problem::Dcs { key, origin });
            }
        }
    }
    overrides.into_iter().collect()
}

struct NotADcs;

/// A `dcs` value as the key has it; `None` is `missing`.
fn dcs(name: &str) -> Result<Option<u8>, NotADcs> {
    if name == "missing" {
        return Ok(None);
    }
    match name.parse::<u8>() {
        // One way only to write a number, so that no key can be given twice.
        Ok(number) if number.to_string() == name => Ok(Some(number)),
        _ => Err(NotADcs),
    }
}

fn no_two_may_share(reader: &mut Reader, accounts: &[Account]) {
    for (index, second) in accounts.iter().enumerate() {
        for first in accounts.iter().take(index) {
            let same_user = matches!(
                (&first.login, &second.login),
                (Some(first), Some(second)) if first.user == second.user
            );
            if same_user {
                shared(reader, (first, "user"), (second, "user"));
            }
            for (token, key) in tokens(first) {
                for (other_token, other_key) in tokens(second) {
                    if token.expose_secret() == other_token.expose_secret() {
                        shared(reader, (first, key), (second, other_key));
                    }
                }
            }
        }
    }
}

/// The tokens that are an account's, each with the last part of its key.
fn tokens(account: &Account) -> impl Iterator<Item = (&SecretString, &'static str)> {
    let current = account.report_token.iter().map(|token| (token, "report_token"));
    let previous = account.previous_report_token.iter();
    current.chain(previous.map(|token| (token, "previous_report_token")))
}

fn shared(reader: &mut Reader, first: (&Account, &str), second: (&Account, &str)) {
    let key = |(account, last): (&Account, &str)| format!("accounts.{}.{last}", account.name);
    let (first, second) = (key(first), key(second));
    if let (Some(first_origin), Some(second_origin)) =
        (reader.secret_origin(&first), reader.secret_origin(&second))
    {
        reader.problem(Problem::Shared { first, first_origin, second, second_origin });
    }
}
