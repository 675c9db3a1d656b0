//! The commands and the help.

use clap::CommandFactory;

use super::*;

fn parsed(arguments: &[&str]) -> Cli {
    Cli::try_parse_from([&["routo-receiver"], arguments].concat()).unwrap()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn serve_is_the_default() {
    for (arguments, command) in [
        (&[][..], Command::Serve),
        (&["serve"], Command::Serve),
        (&["migrate"], Command::Migrate),
        (&["check"], Command::Check),
        (&["health"], Command::Health),
        (&["spool", "status"], Command::Spool(SpoolCommand::Status)),
        (&["spool", "drain"], Command::Spool(SpoolCommand::Drain)),
        (&["spool", "export"], Command::Spool(SpoolCommand::Export { file: None })),
        (
            &["spool", "export", "a.damaged"],
            Command::Spool(SpoolCommand::Export { file: Some("a.damaged".into()) }),
        ),
    ] {
        assert_eq!(parsed(arguments).chosen(), command);
    }
}

#[test]
fn the_configuration_file_can_be_given_before_or_after_the_command() {
    for arguments in [
        &["--config", "a.toml"][..],
        &["--config", "a.toml", "check"],
        &["check", "--config=a.toml"],
    ] {
        assert_eq!(parsed(arguments).config, Some(PathBuf::from("a.toml")));
    }
}

#[test]
fn the_help_names_each_command_the_first_run_the_key_variables_and_the_documentation() {
    let help = Cli::command().render_long_help().to_string();
    for expected in [
        "\n  serve ",
        "\n  migrate ",
        "\n  check ",
        "\n  health ",
        "\n  spool ",
        "\n  redecode ",
        "\n  rejected ",
        "--config <FILE>",
        "--version",
        "First run:",
        "DATABASE_URL ",
        "ROUTO_ACCOUNTS__MAIN__USER ",
        "ROUTO_ACCOUNTS__MAIN__PASSWORD ",
        "ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN ",
        "ROUTO_HTTP__LISTEN ",
        "ROUTO_ADMIN__LISTEN ",
        "ROUTO_DATA_DIR ",
        "PG_BIN_DIR ",
        "_FILE",
        "docs/",
        "README.md",
        "config/default.toml",
    ] {
        assert!(help.contains(expected), "{expected:?} is missing:\n{help}");
    }
}

#[test]
fn the_defaults_in_the_help_are_the_defaults() {
    let help = Cli::command().render_help().to_string();
    let settings = crate::config::Settings::load(&crate::config::Sources {
        directory: "there is no such directory".into(),
        ..Default::default()
    })
    .unwrap();
    for (variable, value) in [
        ("ROUTO_HTTP__LISTEN", settings.http.listen.to_string()),
        ("ROUTO_ADMIN__LISTEN", settings.admin.listen.to_string()),
        ("ROUTO_DATA_DIR", settings.data_dir.display().to_string()),
    ] {
        let line = help.lines().find(|line| line.contains(variable)).unwrap();
        assert!(line.ends_with(&format!("[default: {value}]")), "{line}");
    }
}

#[test]
fn an_unknown_command_is_an_error_with_a_suggestion() {
    let error = Cli::try_parse_from(["routo-receiver", "serv"]).unwrap_err();
    assert!(error.to_string().contains("serve"), "{error}");
}

#[test]
fn the_version_is_the_package_s() {
    let error = Cli::try_parse_from(["routo-receiver", "--version"]).unwrap_err();
    assert!(error.to_string().contains(env!("CARGO_PKG_VERSION")), "{error}");
}
