//! The arguments of `simulate`: URL, credentials, and invalid combinations.

use serde_json::{Value, json};

use super::{World, world};
use crate::support::app::{LOGIN, PASSWORD, TOKEN, environment};
use crate::support::process::{run, with};

#[tokio::test]
async fn what_is_given_takes_the_place_of_what_the_account_has_and_of_no_more() {
    let encodings = [("ROUTO_ACCOUNTS__MAIN__ENCODINGS__0", "utf-8")];
    let World { database, environment, service: _service } = world(&encodings).await;
    let login = ["--user", "gateway", "--password", PASSWORD];
    let token = ["--report-token", TOKEN];
    for given in [&login[..], &token] {
        let arguments = ["simulate", "--json", "--count", "200", "--seed", "5", "--rate", "1000"];
        let arguments = [&arguments[..], given, &["--verify"]].concat();
        let (code, out, why) = run(&arguments, &environment).await;
        assert_eq!(code, Some(0), "{given:?}: {out} {why}");
        let outcome: Value = serde_json::from_str(&out).unwrap();
        assert!(outcome["messages"].as_u64().unwrap() > 0, "the login is the account's");
    }
    let own = database.value("select count(*) from inbound_messages where charset = 'utf-8'").await;
    assert_ne!(own, json!(0), "the account reads its own way");
}

#[tokio::test]
async fn a_url_that_can_t_be_used_is_not_repeated_with_the_secrets_in_it() {
    for (arguments, code) in [
        ("simulate --verify --verify-wait 1s postgres://u:Hush-hush@h/d", 2),
        ("simulate once postgres://u:Hush-hush@h/d", 2),
        ("simulate --url http://u:Hush-hush@127.0.0.1:1", 1),
        ("simulate --url http://127.0.0.1:1/delivery-reports?pass=Hush-hush", 1),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let (found, out, err) = run(&arguments, &environment("postgres://127.0.0.1:1/away")).await;
        assert_eq!(found, Some(code), "{err}");
        assert!(!err.is_empty() && !format!("{out}{err}").contains("Hush"), "{err}");
    }
}

#[tokio::test]
async fn once_shows_the_request_without_secrets_the_answer_and_the_row() {
    let World { environment, service: _service, .. } = world(&[]).await;
    for (kind, request, row) in [
        ("report", "GET /delivery-reports/***?mess_id=", "\"status\": "),
        ("message", "user=***&pass=***&", "\"message_raw\": "),
    ] {
        for more in [&[][..], &["--torture", "--verify"]] {
            let arguments = [&["simulate", "once", kind, "--seed", "3"], more].concat();
            let (code, out, err) = run(&arguments, &environment).await;
            assert_eq!(code, Some(0), "{out} {err}");
            if more.is_empty() {
                assert!(out.contains(request), "{out}");
            }
            for expected in [" 200 OK\n", "\nOK\n", row, "is stored exactly once"] {
                assert!(out.contains(expected), "no {expected} in {out}");
            }
            for secret in [TOKEN, PASSWORD, LOGIN] {
                assert!(!out.contains(secret), "{out}");
            }
        }
    }
    let wrong = ["simulate", "once", "message", "--user", "gateway", "--password", "wrong"];
    let (code, out, err) = run(&wrong, &environment).await;
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("the callback was not acknowledged"), "{err}");
    assert!(out.contains("HTTP/1.1 401") && out.contains("wrong or missing credentials"), "{out}");
}

#[tokio::test]
async fn what_can_t_be_done_is_said_before_anything_is_sent() {
    let World { database, environment, .. } = world(&[]).await;
    let away = "postgres://127.0.0.1:1/nothing";
    for (arguments, expected) in [
        (&["--url", "sms.example.com"][..], "write http://HOST:PORT or https://HOST"),
        (&["--url", "http://no.such.host.invalid"], "'no.such.host.invalid' can't be found"),
        (&["--url", "https://127.0.0.1:1", "--ca", "/nonexistent"], "no certificates can be read"),
        (&["--account", "nobody"], "no account 'nobody'"),
        (&["--account", "nobody", "--user", "u", "--password", "p"], "no account 'nobody'"),
        (&["--verify", away], "can't connect to Postgres"),
        (&["--verify", "mysql://x"], "database"),
    ] {
        let (code, out, err) = run(&[&["simulate"], arguments].concat(), &environment).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
    let empty = tempfile::tempdir().unwrap();
    let nothing = [("ROUTO_DATA_DIR", empty.path().to_str().unwrap())];
    let nothing = with(Vec::new(), &nothing);
    let (code, _, err) = run(&["simulate"], &nothing).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("no account is configured to send callbacks as"), "{err}");
    let (code, _, err) = run(&["simulate", "--report-token", "t"], &nothing).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("inbound messages need a user and a password"), "{err}");
    let verify = ["simulate", "--user", "u", "--password", "p", "--verify"];
    let (code, _, err) = run(&verify, &nothing).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("no database to inspect"), "{err}");
    assert!(empty.path().read_dir().unwrap().next().is_none(), "nothing was made for it");
    assert_eq!(database.value("select count(*) from delivery_reports").await, json!(0));
}
