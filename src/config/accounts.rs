//! The section `accounts`: who may send callbacks, and the rules between them.

use secrecy::ExposeSecret;

use crate::domain::{AccountName, EncodingOverrides};

use super::expected::Expected;
use super::origin::Origin;
use super::problem::Problem;
use super::reader::{self, Reader};
use super::settings::{Account, Login};
use super::warning::Warning;

const USER_CHARS: usize = 128;
const PASSWORD_CHARS: usize = 1024;
const TOKEN_BYTES: usize = 128;
const SAFE_TOKEN_BYTES: usize = 16;
const SAFE_PASSWORD_CHARS: usize = 8;

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
    let login = login(reader, &key("user"), &key("password"));
    let report_token = report_token(reader, &key("report_token"));
    let encodings = encodings(reader, &key("encodings"));

    let given = |reader: &Reader, last| reader.secret_origin(&key(last)).is_some();
    if !["user", "password", "report_token"].into_iter().any(|last| given(reader, last)) {
        reader.problem(Problem::NoWayIn { account: name, origin });
        return None;
    }
    Some(Account { name, login, report_token, encodings })
}

fn login(reader: &mut Reader, user_key: &str, password_key: &str) -> Option<Login> {
    let user = reader.exact_text(user_key, USER_CHARS);
    let password =
        reader.secret(password_key, Expected::Text { max_chars: PASSWORD_CHARS }, |text| {
            reader::is_text(text, PASSWORD_CHARS)
        });

    let incomplete = |given: &str, origin, missing: &str| Problem::IncompleteLogin {
        given: given.to_owned(),
        origin,
        missing: missing.to_owned(),
    };
    match (reader.origin(user_key), reader.secret_origin(password_key)) {
        (Some(origin), None) => reader.problem(incomplete(user_key, origin, password_key)),
        (None, Some(origin)) => reader.problem(incomplete(password_key, origin, user_key)),
        (Some(_), Some(_)) | (None, None) => {}
    }

    let password = password?;
    if password.text.chars().count() < SAFE_PASSWORD_CHARS {
        reader.warn(Warning::ShortPassword {
            key: password.key.clone(),
            origin: password.origin.clone(),
        });
    }
    Some(Login { user: user?, password: password.into_secret() })
}

fn report_token(reader: &mut Reader, key: &str) -> Option<secrecy::SecretString> {
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
    Some(token.into_secret())
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
            let same_token = matches!(
                (&first.report_token, &second.report_token),
                (Some(first), Some(second)) if first.expose_secret() == second.expose_secret()
            );
            for (same, last) in [(same_user, "user"), (same_token, "report_token")] {
                if same {
                    shared(reader, &first.name, &second.name, last);
                }
            }
        }
    }
}

fn shared(reader: &mut Reader, first: &AccountName, second: &AccountName, last: &str) {
    let (first, second) = (format!("accounts.{first}.{last}"), format!("accounts.{second}.{last}"));
    if let (Some(first_origin), Some(second_origin)) =
        (reader.secret_origin(&first), reader.secret_origin(&second))
    {
        reader.problem(Problem::Shared { first, first_origin, second, second_origin });
    }
}
