//! Runs against services that respond, stall, refuse, or do not listen.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::script::{Access, Kinds};

const SECOND: Duration = Duration::from_secs(1);

/// Answers each request of a report, which has no body, after a delay by the number of the request.
async fn service(delay: impl Fn(u64) -> Duration + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::new((delay, AtomicU64::new(0)));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let mut received = Vec::new();
                while stream.read_buf(&mut received).await.is_ok_and(|read| read > 0) {
                    if received.ends_with(b"\r\n\r\n") {
                        received.clear();
                        let nth = shared.1.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep((shared.0)(nth)).await;
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    address
}

fn run(destination: SocketAddr, pace: Pace, extent: Extent) -> Run {
    let script = Script {
        seed: 1,
        run: "run".to_owned(),
        access: Access { report_token: Some("t".into()), ..Access::default() },
        kinds: Kinds::Reports,
        torture: false,
    };
    let behaviour = Behaviour { mark_attempts: true, ..Behaviour::default() };
    Run {
        destination: destination.into(),
        behaviour,
        script,
        pace,
        extent,
        watch: Box::new(|_| ()),
    }
}

fn count(count: u64) -> Extent {
    Extent { count: Some(count), duration: None }
}

#[tokio::test]
async fn a_closed_loop_sends_each_callback_once_and_as_many_as_asked() {
    let address = service(|_| Duration::ZERO).await;
    let watched = Arc::new(AtomicU64::new(0));
    let mut run = run(address, Pace::Closed { connections: 3 }, count(100));
    let watching = Arc::clone(&watched);
    run.watch = Box::new(move |_| {
        watching.fetch_add(1, Ordering::Relaxed);
    });
    let summary = run.play(CancellationToken::new()).await;
    assert_eq!(
        (summary.sent(), summary.acknowledged, summary.lost, summary.attempts()),
        (100, 100, 0, 100)
    );
    assert_eq!(summary.answers, [(200, 100)].into());
    assert_eq!((summary.ledger.end(), watched.load(Ordering::Relaxed)), (100, 100));
}

#[tokio::test]
async fn a_closed_loop_ends_after_its_time_and_one_that_is_stopped_at_once() {
    let address = service(|_| Duration::from_millis(1)).await;
    let extent = Extent { duration: Some(Duration::from_millis(200)), count: None };
    let pace = Pace::Closed { connections: 2 };
    let summary = run(address, pace, extent).play(CancellationToken::new()).await;
    assert!(summary.sent() > 10 && summary.elapsed < SECOND, "{summary:?}");
    let stop = CancellationToken::new();
    stop.cancel();
    let summary = run(address, pace, Extent::default()).play(stop).await;
    assert_eq!(summary.sent(), 0);
}

#[tokio::test]
async fn an_open_loop_keeps_its_rate_whatever_the_answers_take() {
    let address = service(|_| Duration::from_millis(100)).await;
    let pace = Pace::Open { rate: 200, connections: 256 };
    let summary = run(address, pace, count(100)).play(CancellationToken::new()).await;
    // One connection would have taken 10 s.
    assert!(summary.elapsed < 5 * SECOND, "{:?}", summary.elapsed);
    assert!(summary.elapsed > Duration::from_millis(590), "{:?}", summary.elapsed);
    assert_eq!((summary.acknowledged, summary.late, summary.unsent), (100, 0, 0));
}

#[tokio::test]
async fn a_stall_counts_for_every_callback_that_was_to_begin_in_it() {
    let stall = Duration::from_millis(1_500);
    let address = service(move |nth| if nth == 0 { stall } else { Duration::ZERO }).await;
    let pace = Pace::Open { rate: 100, connections: 1 };
    let summary = run(address, pace, count(200)).play(CancellationToken::new()).await;
    assert_eq!((summary.acknowledged, summary.lost, summary.attempts()), (200, 0, 200));
    // 150 of the 200 were due while the only connection stalled. Measured from when callbacks really
    // began, only one latency would be long.
    assert!(summary.late >= 140, "{}", summary.late);
    assert!(summary.latency(50.0) > Duration::from_millis(300), "{:?}", summary.latency(50.0));
    assert!(summary.latency(25.0) < summary.latency(75.0));
    assert!(summary.latency(100.0) >= stall);
}

#[tokio::test]
async fn a_callback_that_is_never_answered_is_attempted_four_times_and_lost() {
    let address = service(|_| Duration::from_mins(1)).await;
    let mut run = run(address, Pace::Closed { connections: 5 }, count(5));
    run.behaviour.attempt_timeout = Duration::from_millis(50);
    let summary = run.play(CancellationToken::new()).await;
    assert_eq!((summary.sent(), summary.acknowledged, summary.lost), (5, 0, 5));
    assert_eq!(summary.failures, [(crate::Failure::TimedOut, 20)].into());
    assert_eq!(summary.ledger.fate(0), crate::Fate::GivenUp(4));
    assert_eq!(summary.latency(50.0), Duration::ZERO);
}

#[tokio::test]
async fn an_open_loop_that_can_t_keep_up_says_how_many_callbacks_did_not_begin() {
    let address = service(|_| Duration::from_mins(1)).await;
    let mut run = run(address, Pace::Open { rate: 1_000, connections: 1 }, count(500));
    run.behaviour.attempt_timeout = Duration::from_millis(50);
    let summary = run.play(CancellationToken::new()).await;
    assert!(summary.elapsed < 5 * SECOND, "{:?}", summary.elapsed);
    assert!(summary.unsent > 400, "{}", summary.unsent);
    assert_eq!(summary.sent() + summary.unsent, 500);
    let stop = CancellationToken::new();
    let mut run = super::tests::run(address, Pace::Open { rate: 1, connections: 1 }, count(500));
    run.behaviour.attempt_timeout = Duration::from_millis(50);
    stop.cancel();
    assert_eq!(run.play(stop).await.unsent, 0, "what was stopped is not missing");
}

#[tokio::test]
async fn with_nobody_there_a_closed_loop_does_not_run_hot() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let extent = Extent { duration: Some(Duration::from_millis(300)), count: None };
    let summary =
        run(address, Pace::Closed { connections: 1 }, extent).play(CancellationToken::new());
    let summary = summary.await;
    assert!((1..=5).contains(&summary.sent()), "{}", summary.sent());
    assert_eq!(summary.lost, summary.sent());
}
