//! Generated credentials: made once, kept safely, and only where they belong.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;

use super::*;
use crate::config::Sources;

fn secrets(account: &Account) -> [&str; 3] {
    let login = account.login.as_ref().unwrap();
    [
        login.user.as_str(),
        login.password.expose_secret(),
        account.report_token.as_ref().unwrap().expose_secret(),
    ]
}

fn settings(data_dir: &Path, variables: &[(&str, &str)]) -> Settings {
    let directory = data_dir.to_owned();
    let data_dir = ("ROUTO_DATA_DIR", data_dir.to_str().unwrap());
    Settings::load(&Sources {
        file: None,
        directory,
        environment: variables
            .iter()
            .chain([&data_dir])
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    })
    .unwrap()
}

#[test]
fn credentials_are_made_once_and_stay_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("not/yet/there");
    let (made, now) = load_or_generate(&data_dir).unwrap();
    let (found, earlier) = load_or_generate(&data_dir).unwrap();
    assert_eq!((now, earlier), (true, false));
    assert_eq!(secrets(&made), secrets(&found));
    assert_eq!(made.name.as_str(), "default");
}

#[test]
fn passwords_and_tokens_are_32_hexadecimal_characters_and_never_the_same_twice() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, _) = load_or_generate(first.path()).unwrap();
    let (second, _) = load_or_generate(second.path()).unwrap();
    let ([_, a, b], [_, c, d]) = (secrets(&first), secrets(&second));
    for secret in [a, b, c, d] {
        assert_eq!(secret.len(), 32);
        assert!(secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!([a, b, c, d].iter().filter(|other| **other == secret).count(), 1);
    }
}

#[test]
fn only_the_owner_can_read_the_file_and_nothing_else_is_left() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(TEMPORARY_NAME), "half of an earlier run's").unwrap();
    load_or_generate(directory.path()).unwrap();
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["credentials.toml"]);
    let mode = fs::metadata(credentials_file(directory.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_file_can_be_pasted_into_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let (made, _) = load_or_generate(directory.path()).unwrap();
    let sources = Sources { file: Some(credentials_file(directory.path())), ..Sources::default() };
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(secrets(&settings.accounts[0]), secrets(&made));
    assert!(settings.warnings.is_empty());
    let text = fs::read_to_string(credentials_file(directory.path())).unwrap();
    assert!(text.starts_with("# Credentials that routo-receiver made"));
}

#[test]
fn a_damaged_file_is_an_error_that_says_what_to_do_and_keeps_the_secret() {
    let whole = "[accounts.default]\nuser = 'u'\npassword = 's3cr3t-s3cr3t'\n";
    for damaged in [
        "",
        "[accounts.default",
        "[accounts.default]\nuser = 'u'\npassword = 's3cr3t",
        whole,
        "[accounts.other]\nreport_token = 's3cr3t-s3cr3t-s3cr3t'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(credentials_file(directory.path()), damaged).unwrap();
        let error = load_or_generate(directory.path()).unwrap_err();
        assert!(matches!(error, CredentialsError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("credentials.toml is damaged: restore it"), "{error}");
        assert!(!format!("{error:?}").contains("s3cr3t"));
        assert_eq!(
            fs::read_to_string(credentials_file(directory.path())).unwrap(),
            damaged,
            "left as it was"
        );
    }
}

#[test]
fn a_data_directory_that_cannot_be_made_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = load_or_generate(&file.join("data")).unwrap_err();
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[test]
fn configured_accounts_are_served_and_none_is_generated() {
    let directory = tempfile::tempdir().unwrap();
    let token = ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "0123456789abcdef");
    let served = accounts_or_generated(&settings(directory.path(), &[token])).unwrap();
    assert_eq!(names(&served), ["main"]);
    assert_eq!((served.generated, served.unused), (None, None));
    assert!(!credentials_file(directory.path()).exists());
}

fn names(served: &ServedAccounts) -> Vec<&str> {
    served.accounts.iter().map(|account| account.name.as_str()).collect()
}

#[test]
fn without_an_account_the_embedded_database_gets_a_generated_one() {
    let directory = tempfile::tempdir().unwrap();
    for now in [true, false] {
        let served = accounts_or_generated(&settings(directory.path(), &[])).unwrap();
        assert_eq!(names(&served), ["default"]);
        assert_eq!(served.generated.unwrap().now, now);
    }
}

#[test]
fn the_generated_account_stays_valid_beside_configured_ones() {
    let directory = tempfile::tempdir().unwrap();
    let (made, _) = load_or_generate(directory.path()).unwrap();
    let more = [
        ("ROUTO_ACCOUNTS__SECOND__REPORT_TOKEN", "0123456789abcdef"),
        ("ROUTO_ACCOUNTS__A__REPORT_TOKEN", "abcdef0123456789"),
    ];
    let served = accounts_or_generated(&settings(directory.path(), &more)).unwrap();
    assert_eq!(names(&served), ["a", "default", "second"]);
    assert_eq!(secrets(served.generated_account().unwrap()), secrets(&made));
    assert!(!served.generated.unwrap().now);
    assert_eq!(served.unused, None);
}

#[test]
fn a_configured_account_with_its_name_user_or_token_replaces_the_generated_one_and_that_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let (made, _) = load_or_generate(directory.path()).unwrap();
    let [user, _, token] = secrets(&made);
    for (by, variables) in [
        ("default", &[("ROUTO_ACCOUNTS__DEFAULT__REPORT_TOKEN", "0123456789abcdef")][..]),
        ("main", &[("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", token)]),
        (
            "main",
            &[("ROUTO_ACCOUNTS__MAIN__USER", user), ("ROUTO_ACCOUNTS__MAIN__PASSWORD", "another")],
        ),
    ] {
        let served = accounts_or_generated(&settings(directory.path(), variables)).unwrap();
        assert_eq!(names(&served), [by]);
        assert_eq!(served.generated, None);
        let said = served.unused.unwrap().to_string();
        assert!(said.contains(&format!("not in use, because account {by}")), "{said}");
        assert!(!said.contains(token), "{said}");
    }
}

#[test]
fn with_a_database_of_the_users_own_the_generated_account_is_not_used_and_that_is_said() {
    let directory = tempfile::tempdir().unwrap();
    load_or_generate(directory.path()).unwrap();
    let variables = [
        ("DATABASE_URL", "postgres://localhost/d"),
        ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "0123456789abcdef"),
    ];
    let served = accounts_or_generated(&settings(directory.path(), &variables)).unwrap();
    assert_eq!(names(&served), ["main"]);
    assert!(served.unused.unwrap().to_string().contains("because database.url is set"));
}

#[test]
fn without_an_account_a_real_database_is_not_served_and_the_error_says_what_to_set() {
    let directory = tempfile::tempdir().unwrap();
    let url = ("DATABASE_URL", "postgres://localhost/d");
    let error = accounts_or_generated(&settings(directory.path(), &[url])).unwrap_err();
    assert!(matches!(error, AccountsError::NoAccount(_)));
    for expected in [
        "ROUTO_ACCOUNTS__MAIN__USER=",
        "ROUTO_ACCOUNTS__MAIN__PASSWORD=",
        "ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN=",
        "openssl rand -hex 16",
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(!credentials_file(directory.path()).exists());
}
