//! Which account a login or a token belongs to.

use super::*;

fn rotated<'a>(current: &'a SecretString, previous: Option<&'a SecretString>) -> Rotated<'a> {
    Rotated { current: Some(current), previous }
}

fn accounts() -> Accounts {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let (a, b, old) = (secret("one"), secret("two"), secret("once"));
    let (token, old_token) = (secret("t-0123456789"), secret("t-old"));
    let credentials = |name: &str, login, report_token| Credentials {
        name: name.parse().unwrap(),
        login,
        report_token,
        allowed_sources: None,
        encodings: EncodingOverrides::default(),
    };
    Accounts::new([
        credentials("a", Some(("alice", rotated(&a, None))), Rotated::default()),
        credentials("b", Some(("bob", rotated(&b, Some(&old)))), rotated(&token, Some(&old_token))),
        credentials("c", None, Rotated::default()),
    ])
}

#[test]
fn a_login_is_its_accounts_and_nobody_elses() {
    let accounts = accounts();
    let name = |user: &str, password: &str| {
        accounts.by_login(user.as_bytes(), password.as_bytes()).map(|a| a.name.as_str().to_owned())
    };
    assert_eq!(name("alice", "one").as_deref(), Some("a"));
    assert_eq!(name("bob", "two").as_deref(), Some("b"));
    assert_eq!(name("bob", "once").as_deref(), Some("b"), "the previous one");
    for (user, password) in [
        ("alice", "two"),
        ("alice", "once"),
        ("alice", ""),
        ("", ""),
        ("alic", "eone"),
        ("bob", "t-0123456789"),
        ("Alice", "one"),
        ("nobody", "one"),
    ] {
        assert_eq!(name(user, password), None, "{user}:{password}");
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
fn a_previous_credential_knows_when_it_was_last_used() {
    let accounts = accounts();
    let used = || -> Vec<(&str, &str, bool)> {
        let previous = accounts.previous_credentials();
        previous.map(|it| (it.account.as_str(), it.key, it.last_used().is_some())).collect()
    };
    accounts.by_login(b"bob", b"two").unwrap();
    accounts.by_report_token(b"t-0123456789").unwrap();
    let (password, token) = ("previous_password", "previous_report_token");
    assert_eq!(used(), [("b", password, false), ("b", token, false)]);
    accounts.by_report_token(b"t-old").unwrap();
    assert_eq!(used(), [("b", password, false), ("b", token, true)]);
}
