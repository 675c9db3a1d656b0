//! `routo-receiver rejected` beside rows whose times somebody has changed.

use super::rejected::with_three_rejected;
use crate::support::process::run;

#[tokio::test]
async fn times_that_no_callback_can_have_are_left_out_and_that_is_said() {
    let (database, environment, _service) = with_three_rejected().await;
    database
        .execute(
            "update rejected_callbacks set received_at = '-infinity' where reason like 'parameter%';
             update rejected_callbacks set received_at = '200000-01-01' where kind like 'inbound%';
             update rejected_callbacks set replayed_at = 'infinity' where reason like 'refused%'",
        )
        .await;
    for arguments in [&["rejected", "list", "--replayed"][..], &["rejected", "replay", "--all"]] {
        let (code, out, log) = run(arguments, &environment).await;
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        assert!(log.contains("\"callbacks\":2") && log.contains("are left out"), "{log}");
        assert_eq!(out.contains(" (replayed)\n"), arguments[1] == "list", "{out}");
    }
    for time in ["infinity", "9999-12-31T23:59:59-01:00"] {
        let (code, _, err) = run(&["rejected", "list", "--to", time], &environment).await;
        assert_eq!(code, Some(2), "{err}");
    }
    let last = ["rejected", "list", "--from", "0000-01-01", "--to", "9999-12-31T23:59:59Z"];
    assert_eq!(run(&last, &environment).await.0, Some(0));
}
