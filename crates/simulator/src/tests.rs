//! Deliveries to services that refuse, reset, stay silent, or respond in odd ways.

use std::future::Future;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.unwrap().0
}

/// Reads a request without a body.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the sender closed");
    }
    String::from_utf8(request).unwrap()
}

async fn answer(stream: &mut TcpStream, text: &str) -> String {
    let request = request(stream).await;
    stream.write_all(text.as_bytes()).await.unwrap();
    request
}

fn report() -> Callback {
    Callback::report("/r", "m", 0, "1")
}

/// Delivers one report while the service does `serve`; returns the outcomes of the attempts.
async fn outcomes(
    behaviour: Behaviour,
    destination: SocketAddr,
    serve: impl Future<Output = ()>,
) -> Vec<Result<u16, Failure>> {
    let mut sender = Sender::new(destination, behaviour);
    let callback = report();
    let (delivery, ()) = tokio::join!(sender.deliver(&callback), serve);
    assert_eq!(
        delivery.acknowledged(),
        delivery.attempts.iter().any(DeliveryAttempt::acknowledged)
    );
    delivery.attempts.iter().map(|attempt| attempt.outcome).collect()
}

#[tokio::test]
async fn a_callback_that_is_answered_200_is_attempted_no_more() {
    let (listener, address) = listener().await;
    let found = outcomes(Behaviour::default(), address, async {
        let mut stream = accept(&listener).await;
        answer(&mut stream, BUSY).await;
        answer(&mut stream, BUSY).await;
        answer(&mut stream, OK).await;
    });
    assert_eq!(found.await, [Ok(503), Ok(503), Ok(200)]);
}

#[tokio::test]
async fn a_callback_that_nobody_takes_is_given_up_after_four_attempts() {
    let (listener, address) = listener().await;
    drop(listener);
    let found = outcomes(Behaviour::default(), address, async {}).await;
    assert_eq!(found, [Err(Failure::Refused); 4]);
}

#[tokio::test]
async fn a_reset_is_a_failed_attempt_and_so_is_an_answer_cut_short() {
    let (listener, address) = listener().await;
    let found = outcomes(Behaviour::default(), address, async {
        // Closing with the request unread resets the connection.
        drop(accept(&listener).await);
        answer(&mut accept(&listener).await, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nO").await;
        answer(&mut accept(&listener).await, "+PONG\r\n").await;
        answer(&mut accept(&listener).await, OK).await;
    });
    let expected = [Err(Failure::Closed), Err(Failure::Closed), Err(Failure::NotHttp), Ok(200)];
    assert_eq!(found.await, expected);
}

#[tokio::test]
async fn an_attempt_that_is_not_answered_in_time_has_failed_and_its_connection_is_gone() {
    let (listener, address) = listener().await;
    let attempt_timeout = Duration::from_millis(50);
    let behaviour = Behaviour { attempts: 2, attempt_timeout, ..Behaviour::default() };
    let found = outcomes(behaviour, address, async {
        let mut silent = accept(&listener).await;
        request(&mut silent).await;
        answer(&mut accept(&listener).await, OK).await;
        assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    });
    assert_eq!(found.await, [Err(Failure::TimedOut), Ok(200)]);
}

#[tokio::test]
async fn an_idle_connection_that_the_service_closed_is_replaced_and_no_attempt_fails() {
    let (listener, address) = listener().await;
    let mut sender = Sender::new(address, Behaviour::default());
    let (callback, again) = (report(), report());
    let (first, mut stream) = tokio::join!(sender.deliver(&callback), async {
        let mut stream = accept(&listener).await;
        answer(&mut stream, OK).await;
        stream
    });
    stream.shutdown().await.unwrap();
    let (second, _) = tokio::join!(sender.deliver(&again), async {
        answer(&mut accept(&listener).await, OK).await
    });
    assert_eq!((first.attempts.len(), second.attempts.len()), (1, 1));
    assert!(first.acknowledged() && second.acknowledged());
}

#[tokio::test]
async fn a_kept_connection_that_closes_under_a_request_is_a_failed_attempt_of_its_own_kind() {
    let (listener, address) = listener().await;
    let found = outcomes(Behaviour::default(), address, async {
        let mut stream = accept(&listener).await;
        answer(&mut stream, BUSY).await;
        request(&mut stream).await;
        drop(stream);
        answer(&mut accept(&listener).await, OK).await;
    });
    assert_eq!(found.await, [Ok(503), Err(Failure::KeptClosed), Ok(200)]);
}

#[tokio::test]
async fn a_connection_is_kept_only_where_both_sides_want_it() {
    let closing = "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (keep_alive, first) in [(false, BUSY), (true, closing), (true, "HTTP/1.0 503 Busy\r\n\r\n")]
    {
        let (listener, address) = listener().await;
        let behaviour = Behaviour { keep_alive, ..Behaviour::default() };
        let found = outcomes(behaviour, address, async {
            let mut kept = accept(&listener).await;
            let request = answer(&mut kept, first).await;
            assert_eq!(request.contains("\r\nConnection: close\r\n"), !keep_alive);
            answer(&mut accept(&listener).await, OK).await;
        });
        assert_eq!(found.await, [Ok(503), Ok(200)], "{keep_alive} {first}");
    }
}

#[tokio::test]
async fn attempts_carry_their_numbers_when_that_is_asked_for() {
    let (listener, address) = listener().await;
    let behaviour = Behaviour { mark_attempts: true, ..Behaviour::default() };
    let found = outcomes(behaviour, address, async {
        let mut stream = accept(&listener).await;
        assert!(answer(&mut stream, BUSY).await.contains("&number=1&attempt=1 HTTP"));
        assert!(answer(&mut stream, OK).await.contains("&number=1&attempt=2 HTTP"));
    });
    assert_eq!(found.await, [Ok(503), Ok(200)]);
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer_and_a_body_of_untold_length_is_not_waited_for() {
    let (listener, address) = listener().await;
    let found = outcomes(Behaviour::default(), address, async {
        let mut stream = accept(&listener).await;
        answer(&mut stream, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await;
    });
    assert_eq!(found.await, [Ok(200)]);
}
