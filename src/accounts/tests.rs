//! Which account a login or a token belongs to.

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
