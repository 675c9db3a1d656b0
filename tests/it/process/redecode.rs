//! `routo-receiver redecode`: messages that were decoded with the wrong charset.

use serde_json::{Value, json};

use crate::support::app::environment;
use crate::support::postgres::TestDatabase;
use crate::support::process::{program, run, with};

type Environment = Vec<(String, String)>;

async fn migrated() -> (TestDatabase, Environment) {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    assert_eq!(run(&["migrate"], &environment).await.0, Some(0));
    (database, environment)
}

/// Messages as an earlier version, or a wrong configuration, may have read them: account, day of this
/// month, dcs, bytes, text and charset as stored.
async fn store(database: &TestDatabase, messages: &[(&str, &str, &str, &[u8], &str, &str)]) {
    for (place, (account, at, dcs, bytes, text, charset)) in messages.iter().enumerate() {
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        database
            .execute(&format!(
                "insert into inbound_messages (
                     received_at, id, account, org, dest, dcs, message, message_raw, charset,
                     transport, remote_addr, extra
                 )
                 values (
                     date_trunc('month', now()) + interval '{at}', gen_random_uuid(), '{account}',
                     '44{place}', '447', {dcs}, '{text}', '\\x{hex}', '{charset}', 'http-post', '::1', '{{}}'
                 )"
            ))
            .await;
    }
}

async fn texts(database: &TestDatabase) -> Value {
    database
        .value("select jsonb_agg(message || ' ' || charset order by received_at, org) from inbound_messages")
        .await
}

const CAFE: &[u8] = "café".as_bytes();

#[tokio::test]
async fn each_option_chooses_which_messages_are_read_again_and_how() {
    let wrong = "cafÃ© iso-8859-1";
    let right = "café utf-8";
    // Arguments, and the texts of all four messages afterwards.
    let cases: [(&[&str], [&str; 4]); 9] = [
        (&[], [right, right, "@ gsm-7", "café utf-8"]),
        (&["--account", "other"], [wrong, right, "? iso-8859-1-failed", "caf? utf-8-failed"]),
        (&["--charset", "utf-8-failed"], [wrong, wrong, "? iso-8859-1-failed", "café utf-8"]),
        (&["--failed"], [wrong, wrong, "@ gsm-7", "café utf-8"]),
        (&["--dcs", "1"], [wrong, wrong, "@ gsm-7", "caf? utf-8-failed"]),
        (&["--dcs", "missing"], [wrong, right, "? iso-8859-1-failed", "caf? utf-8-failed"]),
        (&["--from", "FROM"], [wrong, wrong, "@ gsm-7", "café utf-8"]),
        (&["--to", "TO"], [right, wrong, "? iso-8859-1-failed", "caf? utf-8-failed"]),
        (
            &["--account", "main", "--to", "TO", "--as", "iso-8859-1"],
            [wrong, wrong, "? iso-8859-1-failed", "caf? utf-8-failed"],
        ),
    ];
    for (arguments, expected) in cases {
        let (database, environment) = migrated().await;
        store(
            &database,
            &[
                ("main", "0 hours", "'0'", CAFE, "cafÃ©", "iso-8859-1"),
                ("other", "1 hour", "null", CAFE, "cafÃ©", "iso-8859-1"),
                ("main", "2 hours", "'1'", b"\0", "?", "iso-8859-1-failed"),
                ("gone", "3 hours", "'0'", CAFE, "caf?", "utf-8-failed"),
            ],
        )
        .await;
        let hour = |hours: u32| {
            format!(
                "select to_char((date_trunc('month', now()) + interval '{hours} hours') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as at"
            )
        };
        let (from, to) = (database.value(&hour(2)).await, database.value(&hour(1)).await);
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|argument| match *argument {
                "FROM" => from.as_str().unwrap(),
                "TO" => to.as_str().unwrap(),
                other => other,
            })
            .collect();

        let before = texts(&database).await;
        let (code, shown, _) = run(&[&["redecode"], &*arguments].concat(), &environment).await;
        assert_eq!(code, Some(0), "{arguments:?}");
        assert_eq!(texts(&database).await, before, "a dry run changes nothing");
        let writing = [&["redecode", "--write"], &*arguments].concat();
        let (code, said, why) = run(&writing, &environment).await;
        assert_eq!(code, Some(0), "{arguments:?}: {why}");
        assert_eq!(texts(&database).await, json!(expected), "{arguments:?}");
        // The changes are those that were shown.
        let changed = said.trim().rsplit(", ").next().unwrap().split(' ').next().unwrap();
        assert!(shown.contains(&format!(", {changed} would change")), "{shown} {said}");
        assert_eq!(shown.matches("\n  after ").count().to_string(), changed, "{shown}");

        let (_, said, _) = run(&writing, &environment).await;
        assert!(said.ends_with(", 0 changed\n"), "the second time there is nothing left: {said}");
    }
}

#[tokio::test]
async fn a_text_that_postgres_refuses_stays_and_its_neighbours_are_changed() {
    let (database, environment) = migrated().await;
    let message: (_, _, _, &[u8], _, _) = ("main", "0 hours", "'0'", CAFE, "cafÃ©", "iso-8859-1");
    store(&database, &[message; 5]).await;
    database
        .execute(
            "create function refuse() returns trigger language plpgsql as $$
             begin raise exception E'not \x1b[2J this one'; end $$;
             create trigger refuse before update on inbound_messages
             for each row when (new.org = '442') execute function refuse()",
        )
        .await;
    let (code, said, why) = run(&["redecode", "--write"], &environment).await;
    assert_eq!(code, Some(0), "{why}");
    let id = database.value("select id from inbound_messages where org = '442'").await;
    let stays = format!(
        "{} is unchanged: Postgres refused a row (P0001): not \\u001b[2J",
        id.as_str().unwrap()
    );
    assert!(said.contains(&stays), "{said}");
    assert!(
        said.ends_with("5 messages decoded again, 4 changed, 1 refused by Postgres\n"),
        "{said}"
    );
    let right = "select count(*) from inbound_messages where message = 'café'";
    assert_eq!(database.value(right).await, json!(4));
}

#[tokio::test]
async fn a_failure_that_is_not_about_one_text_ends_it_in_the_words_of_postgres() {
    let (database, environment) = migrated().await;
    store(&database, &[("main", "0 hours", "'0'", CAFE, "cafÃ©", "iso-8859-1")]).await;
    database
        .execute(
            "create function forbid() returns trigger language plpgsql as $$
             begin raise insufficient_privilege using message = 'ask the owner'; end $$;
             create trigger forbid before update on inbound_messages
             for each row execute function forbid()",
        )
        .await;
    let (code, said, why) = run(&["redecode", "--write"], &environment).await;
    assert_eq!(code, Some(1));
    assert!(why.contains("ask the owner"), "{why}");
    assert_eq!(said, "1 messages decoded again, 0 changed\n");
}

#[tokio::test]
async fn an_account_s_own_encodings_count() {
    let (database, environment) = migrated().await;
    store(&database, &[("main", "0 hours", "'0'", b"\0", "\u{FFFD}", "iso-8859-1-failed")]).await;
    let environment = with(environment, &[("ROUTO_ACCOUNTS__MAIN__ENCODINGS__0", "gsm-7")]);
    let (_, shown, _) = run(&["redecode"], &environment).await;
    assert!(shown.contains("before iso-8859-1-failed"), "{shown}");
    assert!(shown.contains("after  gsm-7              \"@\""), "{shown}");
    run(&["redecode", "--write"], &environment).await;
    assert_eq!(texts(&database).await, json!(["@ gsm-7"]));
}

/// Bytes, dcs, text and charset, as the service stores them.
#[tokio::test]
async fn m01_to_m13_what_was_read_as_it_is_today_stays() {
    let messages: [(&[u8], &str, &str, &str); 6] = [
        (b"Za\xC5\xBC\xC3\xB3\xC5", "'0'", "Zażó\u{FFFD}", "utf-8-failed"),
        (b"caf\xC3\xA9", "'8'", "café", "utf-8"),
        (b"\x05\0\x03\xA5\x02\x01Hello", "'0'", "Hello", "iso-8859-1"),
        (b"caf\x05", "'0'", "café", "gsm-7"),
        (b"\x1BS", "'1'", "S", "gsm-7-failed"),
        (b"\xCF", "null", "П", "windows-1251"),
    ];
    let (database, environment) = migrated().await;
    let messages =
        messages.map(|(bytes, dcs, text, charset)| ("main", "0 hours", dcs, bytes, text, charset));
    store(&database, &messages).await;
    let (_, shown, _) = run(&["redecode"], &environment).await;
    assert_eq!(shown, "6 messages decoded again, 0 would change; --write changes them\n");
}

#[tokio::test]
async fn what_strangers_wrote_can_do_nothing_to_the_terminal() {
    let (database, environment) = migrated().await;
    let text = "\u{1b}[2Jé\u{202e}";
    store(&database, &[("main", "0 hours", "'0'", text.as_bytes(), "x", "iso-8859-1")]).await;
    let (_, shown, _) = run(&["redecode"], &environment).await;
    assert!(shown.contains(r#""\u{1b}[2Jé\u{202e}""#), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

#[tokio::test]
async fn killed_in_the_midst_it_leaves_whole_messages_and_can_be_run_again() {
    let (database, environment) = migrated().await;
    database
        .execute(
            "insert into inbound_messages (
                 received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
                 remote_addr, extra
             )
             select
                 now() - serial * interval '1 millisecond', gen_random_uuid(), 'main', '44' || serial,
                 '447', '0', 'cafÃ© ' || serial, convert_to('café ' || serial, 'UTF8'), 'iso-8859-1',
                 'http-get', '::1', '{}'
             from generate_series(1, 10000) as serial;
             -- The second page waits until this is gone.
             create function wait() returns trigger language plpgsql as $$
             begin
                 if (select count(*) from pg_locks where locktype = 'advisory' and objid = 77) > 0
                     and new.org = '447500'
                 then
                     perform pg_advisory_xact_lock(77);
                 end if;
                 return new;
             end $$;
             create trigger wait before update on inbound_messages for each row execute function wait();",
        )
        .await;
    let mut holding = database.connect().await;
    sqlx::raw_sql("select pg_advisory_lock(77)").execute(&mut holding).await.unwrap();
    let mut killed = program(&["redecode", "--write"], &environment).spawn().unwrap();
    crate::support::eventually("it waits in its third page", || async {
        database
            .value("select count(*) from pg_locks where locktype = 'advisory' and objid = 77 and not granted")
            .await
            == json!(1)
    })
    .await;
    killed.kill().await.unwrap();
    drop(holding);
    let wrong = "select count(*) from inbound_messages where charset <> 'utf-8'";
    let left = database.value(wrong).await.as_u64().unwrap();
    assert!(left % 1_000 == 0 && (1_000..10_000).contains(&left), "{left}");
    let (code, _, why) = run(&["redecode", "--write"], &environment).await;
    assert_eq!(code, Some(0), "{why}");
    assert_eq!(database.value(wrong).await, json!(0));
    let exact = database
        .value("select count(*) from inbound_messages where message = convert_from(message_raw, 'UTF8')")
        .await;
    assert_eq!(exact, json!(10_000));
}

#[tokio::test]
async fn a_wrong_option_is_named_with_what_it_may_be() {
    let (_, environment) = migrated().await;
    for (arguments, expected) in [
        (&["--as", "utf8"][..], "use one of: auto, gsm-7"),
        (&["--charset", "latin"], "they are: gsm-7, gsm-7-failed"),
        (&["--from", "yesterday"], "write 2026-11-24"),
        (&["--account", "Main"], "lower-case letters"),
    ] {
        let (code, _, why) = run(&[&["redecode"], arguments].concat(), &environment).await;
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_migrated_is_left_as_it_is() {
    let database = TestDatabase::create().await;
    let environment = environment(&database.url());
    for command in [&["redecode"][..], &["redecode", "--write"], &["rejected", "list"]] {
        let (code, _, why) = run(command, &environment).await;
        assert_eq!(code, Some(1), "{command:?}");
        assert!(why.contains("run `routo-receiver migrate`"), "{why}");
    }
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(database.value(tables).await, json!(0));
}
