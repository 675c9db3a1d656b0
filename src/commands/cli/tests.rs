//! Tests of the command line and its help.

use std::time::Duration;

use clap::CommandFactory;
use secrecy::ExposeSecret;

use crate::commands::redecode::DcsFilter;
use crate::commands::simulate::{SimulateCommand, SimulatedKind};
use crate::commands::spool::SpoolCommand;
use crate::domain::{CallbackKind, Encoding};

use super::*;

fn parsed(arguments: &[&str]) -> Cli {
    Cli::try_parse_from([&["routo-receiver"], arguments].concat()).unwrap()
}

fn command(arguments: &[&str]) -> Command {
    parsed(arguments).command.unwrap_or_default()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn an_error_about_a_command_line_has_no_url_in_it() {
    for (text, expected) in [
        ("no URL", "no URL"),
        ("'postgres://u:p w@h/d' is", "'postgres://***' is"),
        ("'http://h/?pass=p' and 'x://y'\n2", "'http://***' and 'x://***'\n2"),
        ("http://u:p@h\n", "http://***\n"),
    ] {
        assert_eq!(without_urls(text), expected);
    }
}

#[test]
fn serve_is_the_default() {
    for (arguments, expected) in [
        (&[][..], Command::Serve),
        (&["serve"], Command::Serve),
        (&["migrate"], Command::Migrate),
        (&["health"], Command::Health),
        (&["spool", "status"], Command::Spool(SpoolCommand::Status)),
        (&["spool", "drain"], Command::Spool(SpoolCommand::Drain)),
        (&["spool", "export"], Command::Spool(SpoolCommand::Export { file: None })),
        (
            &["spool", "export", "a.damaged"],
            Command::Spool(SpoolCommand::Export { file: Some("a.damaged".into()) }),
        ),
    ] {
        assert_eq!(format!("{:?}", command(arguments)), format!("{expected:?}"));
    }
}

#[test]
fn the_options_of_redecode_and_rejected_are_parsed() {
    let Command::Redecode(all) = command(&["redecode"]) else { panic!("no redecode") };
    assert!(!all.write && !all.failed);
    assert_eq!((all.account, all.charset, all.dcs), (None, None, None));
    assert_eq!((all.from, all.to, all.r#as), (None, None, None));
    let some = "redecode --account main --charset utf-8-failed --dcs 8 --from 2026-11-01 \
                --to 2026-11-24T12:00:00+01:00 --as utf-16 --write";
    let some: Vec<&str> = some.split_whitespace().collect();
    let Command::Redecode(some) = command(&some) else { panic!("no redecode") };
    assert!(some.write);
    assert_eq!(some.account.unwrap().as_str(), "main");
    assert_eq!(some.charset.as_deref(), Some("utf-8-failed"));
    assert_eq!(some.dcs, Some(DcsFilter::Is("8".into())));
    assert_eq!(some.from, Some(::time::macros::datetime!(2026-11-01 0:00 UTC)));
    assert_eq!(some.to, Some(::time::macros::datetime!(2026-11-24 11:00 UTC)));
    assert_eq!(some.r#as, Some(Encoding::Utf16));
    let Command::Redecode(missing) = command(&["redecode", "--dcs", "missing"]) else {
        panic!("no redecode")
    };
    assert_eq!(missing.dcs, Some(DcsFilter::Missing));

    let id = "01a20da9-477f-71e3-b741-72366e46e38d";
    let replay = ["rejected", "replay", "--id", id, "--kind", "inbound-message"];
    let Command::Rejected(RejectedCommand::Replay(replay)) = command(&replay) else {
        panic!("no replay")
    };
    assert!(!replay.write && !replay.all);
    assert_eq!(replay.selection.ids, [id.parse::<uuid::Uuid>().unwrap()]);
    assert_eq!(replay.selection.kind.map(CallbackKind::from), Some(CallbackKind::InboundMessage));
}

#[test]
fn the_options_of_simulate_are_parsed_and_their_secrets_are_not_printed() {
    let Command::Simulate(bare) = command(&["simulate"]) else { panic!("no simulate") };
    assert!(bare.command.is_none());
    assert_eq!((bare.rate, bare.connections), (None, None));
    assert_eq!(bare.target.timeout, Duration::from_secs(2));
    assert!(bare.target.verify.is_none());
    let all = "simulate --url https://h/sms --ca ca.pem --user u --password hidden-1 --report-token \
               hidden-2 --rate 500 --connections 64 --duration 10m --count 9 --seed 7 --timeout 500ms \
               --torture --json --only report --verify postgres://u:hidden-3@h/d";
    let all: Vec<&str> = all.split_whitespace().collect();
    let Command::Simulate(all) = command(&all) else { panic!("no simulate") };
    assert_eq!((all.rate, all.connections, all.count), (Some(500), Some(64), Some(9)));
    assert_eq!(all.duration, Some(Duration::from_mins(10)));
    assert_eq!(all.only, Some(SimulatedKind::Report));
    assert!(all.json && all.target.torture);
    let verify = all.target.verify.clone().unwrap().unwrap();
    assert_eq!(verify.expose_secret(), "postgres://u:hidden-3@h/d");
    assert!(!format!("{all:?}").contains("hidden"), "{all:?}");
    let once = ["simulate", "once", "message", "--verify"];
    let Command::Simulate(once) = command(&once) else { panic!("no simulate") };
    let Some(SimulateCommand::Once { kind, target }) = once.command else { panic!("not once") };
    assert_eq!(kind, SimulatedKind::Message);
    assert!(matches!(target.verify, Some(None)));
}

#[test]
fn a_wrong_option_is_refused_with_what_it_may_be() {
    for (arguments, expected) in [
        ("redecode --as utf8", "auto, gsm-7, iso-8859-1"),
        ("redecode --charset latin", "gsm-7-failed"),
        ("redecode --account Main", "lower-case letters"),
        ("redecode --from yesterday", "2026-11-24"),
        ("rejected list --kind report", "delivery-report"),
        ("rejected list --id 7", "--id"),
        ("simulate --rate 0", "1..=1000000"),
        ("simulate --duration soon", "such as 20s"),
        ("simulate --duration 25h", "up to 24h"),
        ("simulate --user me", "--password"),
        ("simulate --only both", "report"),
        ("simulate --rate 5 once report", "cannot be used with"),
        ("simulate once --rate 5 report", "--rate"),
        ("rejected replay", "--all"),
        ("rejected replay --all --id 01a20da9-477f-71e3-b741-72366e46e38d", "cannot be used with"),
    ] {
        let arguments = [&["routo-receiver"], &*arguments.split(' ').collect::<Vec<_>>()].concat();
        let error = Cli::try_parse_from(&arguments).unwrap_err();
        assert!(error.to_string().contains(expected), "{arguments:?}: {error}");
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
        "\n  simulate ",
        "\n  status ",
        "\n  psql ",
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
