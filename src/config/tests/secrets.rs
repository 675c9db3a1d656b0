//! Secrets: where they come from, and that they never leak.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::super::{DatabaseSource, Settings, Warning, report};
use super::{line, lines, load};

const TOKEN: &str = "t0k3n-t0k3n-t0k3n-t0k3n";

struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn every_secret_can_come_from_a_file_less_one_line_end() {
    let kept = Kept::new();
    let url = "postgres://u:s3cr3t@localhost/d";
    for url_variable in ["DATABASE_URL_FILE", "ROUTO_DATABASE__URL_FILE"] {
        let settings = load(
            None,
            &[
                (url_variable, &kept.file("url", &format!("{url}\n"))),
                ("ROUTO_ACCOUNTS__MAIN__USER", "u"),
                (
                    "ROUTO_ACCOUNTS__MAIN__PASSWORD_FILE",
                    &kept.file("password", " s3cr3t pass \r\n"),
                ),
                ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN_FILE", &kept.file("token", TOKEN)),
            ],
        )
        .unwrap();
        let DatabaseSource::External(found) = settings.database.source() else {
            panic!("no URL");
        };
        let account = &settings.accounts[0];
        assert_eq!(found.expose_secret(), url);
        assert_eq!(account.login.as_ref().unwrap().password.expose_secret(), " s3cr3t pass ");
        assert_eq!(account.report_token.as_ref().unwrap().expose_secret(), TOKEN);
    }
}

#[test]
fn a_secret_given_directly_and_in_a_file_is_an_error() {
    let kept = Kept::new();
    let file = kept.file("password", "s3cr3t s3cr3t");
    let line = line(
        Some(&format!("[accounts.main]\nuser = 'u'\npassword_file = '{file}'")),
        &[("ROUTO_ACCOUNTS__MAIN__PASSWORD", "s3cr3t s3cr3t")],
    );
    assert!(
        line.starts_with(
            "accounts.main.password (environment variable ROUTO_ACCOUNTS__MAIN__PASSWORD) and"
        ),
        "{line}"
    );
    assert!(line.ends_with("are both set: remove one"), "{line}");
}

#[test]
fn a_secret_s_file_that_cannot_be_read_or_is_empty_is_an_error() {
    let kept = Kept::new();
    let user = ("ROUTO_ACCOUNTS__MAIN__USER", "u");
    let password = "ROUTO_ACCOUNTS__MAIN__PASSWORD_FILE";
    // Somebody took password_file for password: the text must not come out.
    let missing = line(None, &[user, (password, "s3cr3t")]);
    assert!(missing.contains("accounts.main.password_file"), "{missing}");
    assert!(missing.contains("cannot be read"), "{missing}");
    assert!(!missing.contains("s3cr3t"), "{missing}");

    let empty = line(None, &[user, (password, &kept.file("empty", "\n"))]);
    assert!(empty.starts_with("accounts.main.password_file"), "{empty}");
    assert!(empty.contains("is empty"), "{empty}");
}

#[test]
fn our_own_url_file_wins_over_the_shared_url() {
    let kept = Kept::new();
    let own = kept.file("url", "postgres://own/d");
    let settings =
        load(None, &[("DATABASE_URL", "postgres://shared/d"), ("ROUTO_DATABASE__URL_FILE", &own)])
            .unwrap();
    let DatabaseSource::External(url) = settings.database.source() else {
        panic!("no URL");
    };
    assert_eq!(url.expose_secret(), "postgres://own/d");
}

#[test]
fn short_secrets_are_warned_about_but_work() {
    let settings = load(
        None,
        &[
            ("ROUTO_ACCOUNTS__MAIN__USER", "u"),
            ("ROUTO_ACCOUNTS__MAIN__PASSWORD", "s3cr3t"),
            ("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "short"),
        ],
    )
    .unwrap();
    assert_eq!(settings.accounts.len(), 1);
    assert!(matches!(
        settings.warnings[..],
        [Warning::ShortPassword { .. }, Warning::ShortReportToken { .. }]
    ));
    assert!(settings.warnings[1].to_string().contains("openssl rand -hex 16"));
}

fn with_secrets() -> Settings {
    load(
        Some("[accounts.main]\nuser = 'u'\npassword = 's3cr3t'\n[database]\nurl = 'postgres://s3cr3t:s3cr3t@h/d?application_name=s3cr3t'"),
        &[("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", "s3cr3t-s3cr3t-s3cr3t")],
    )
    .unwrap()
}

#[test]
fn no_secret_is_in_the_debug_output_the_warnings_or_the_report_of_settings() {
    let settings = with_secrets();
    assert!(!settings.warnings.is_empty());
    assert!(!format!("{settings:?}").contains("s3cr3t"));
    assert!(!format!("{settings:#?}").contains("s3cr3t"));
    assert!(!format!("{:?}", settings.warnings).contains("s3cr3t"));
    assert!(!report(&settings).contains("s3cr3t"));
}

#[test]
fn no_secret_is_in_any_problem() {
    let files = [
        "[accounts.main]\nuser = 'u'\npassword = \"s3cr3t\\u0000\"",
        "[accounts.main]\nuser = 'u'\npassword = ['s3cr3t']",
        "[accounts.main]\nuser = 'u'\npassword = { x = 's3cr3t' }",
        "[accounts.main]\nuser = 'u'\npassword_file = 's3cr3t'",
        "[accounts.main]\nuser = 'u'\npasword = 's3cr3t'",
        "[accounts.main]\nreport_token = 's3cr3t/'",
        "[accounts.a]\nreport_token = 's3cr3t'\n[accounts.b]\nreport_token = 's3cr3t'",
        "[accounts]\nmain = 's3cr3t'",
        "accounts = 's3cr3t'",
        "[database]\nurl = 'mysql://u:s3cr3t@h/d'",
        "[database]\nurl = 'postgres://u:s3cr3t@h:s3cr3t/d'",
        "[database]\nurl = 'postgres://u:p@h/d?sslmode=s3cr3t'",
        "[database]\nurl = ['s3cr3t']",
        "[database]\nurll = 's3cr3t'",
        "database = 's3cr3t'",
        "[http]\npublic_url = 'https://u:s3cr3t@h'",
    ];
    for file in files {
        let error = load(Some(file), &[]).unwrap_err();
        assert!(!error.problems.is_empty());
        assert!(!format!("{error} {error:?} {error:#?}").contains("s3cr3t"), "{error}");
    }
}

#[test]
fn numbers_as_secrets_in_the_file_are_refused_without_being_repeated() {
    let found = lines(
        Some("[accounts.main]\nuser = 'u'\npassword = 87654321\nreport_token = 8765432187654321"),
        &[],
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(!found.concat().contains("8765"), "{found:#?}");
}
