//! Previous secrets, which are accepted beside the current ones.

use secrecy::ExposeSecret;

use super::super::{Warning, report};
use super::{line, lines, load};

const BOTH: &str =
    "[accounts.main]\nuser = 'u'\npassword = 'the new one'\nreport_token = 'the-new-token-0123'\n";

#[test]
fn an_account_can_have_a_previous_password_and_a_previous_token_from_a_file_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("token");
    std::fs::write(&kept, "the-old-token-0123\n").unwrap();
    let settings = load(
        Some(&format!("{BOTH}previous_password = 'the old one'")),
        &[("ROUTO_ACCOUNTS__MAIN__PREVIOUS_REPORT_TOKEN_FILE", kept.to_str().unwrap())],
    )
    .unwrap();
    let account = &settings.accounts[0];
    let login = account.login.as_ref().unwrap();
    let [current, previous] = [Some(&login.password), login.previous_password.as_ref()];
    assert_eq!(current.unwrap().expose_secret(), "the new one");
    assert_eq!(previous.unwrap().expose_secret(), "the old one");
    let [current, previous] = [&account.report_token, &account.previous_report_token];
    assert_eq!(current.as_ref().unwrap().expose_secret(), "the-new-token-0123");
    assert_eq!(previous.as_ref().unwrap().expose_secret(), "the-old-token-0123");
    assert!(settings.warnings.is_empty());

    let report = report(&settings, None);
    for key in ["previous_password ", "previous_report_token "] {
        let line = report.lines().find(|line| line.contains(key)).unwrap();
        assert!(line.contains("[set]"), "{report}");
    }
    for secret in ["the old one", "the-old-token"] {
        assert!(!format!("{report}{settings:?}").contains(secret));
    }
}

#[test]
fn a_previous_secret_needs_the_one_that_took_its_place() {
    let table = [
        (
            "[accounts.main]\nreport_token = 'the-new-token-0123'\nprevious_password = 'the old one'",
            "accounts.main.previous_password (",
            "accounts.main.password is not: set it too (ROUTO_ACCOUNTS__MAIN__PASSWORD)",
        ),
        (
            "[accounts.main]\nprevious_report_token = 'the-old-token-0123'",
            "accounts.main.previous_report_token (",
            "accounts.main.report_token is not: set it too",
        ),
    ];
    for (file, key, expected) in table {
        let line = line(Some(file), &[]);
        assert!(line.starts_with(key) && line.contains(expected), "{line}");
    }
}

#[test]
fn a_previous_token_cannot_be_another_account_s_token_new_or_old() {
    let others = "[accounts.other]\nreport_token = 'others-token-0123'\nprevious_report_token = 'others-old-token-0123'";
    for (token, key) in [
        ("others-token-0123", "accounts.other.report_token ("),
        ("others-old-token-0123", "accounts.other.previous_report_token ("),
    ] {
        let found = lines(Some(&format!("{BOTH}previous_report_token = '{token}'\n{others}")), &[]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("accounts.main.previous_report_token ("), "{found:#?}");
        assert!(found[0].contains(key) && !found[0].contains(token), "{found:#?}");
    }
}

#[test]
fn a_previous_secret_that_is_short_or_the_current_one_is_warned_about() {
    let settings = load(
        Some(&format!(
            "{BOTH}previous_password = 'old'\nprevious_report_token = 'the-new-token-0123'"
        )),
        &[],
    )
    .unwrap();
    assert!(matches!(
        &settings.warnings[..],
        [Warning::ShortPassword { key, .. }, Warning::PreviousIsCurrent { previous, current, .. }]
            if key == "accounts.main.previous_password"
                && previous == "accounts.main.previous_report_token"
                && current == "accounts.main.report_token"
    ));
}
