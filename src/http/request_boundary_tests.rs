//! The rewriter and hyper agree on where a request ends, whatever is sent: hyper reads the same requests
//! with it and without it, as far as it reads any without.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::RequestLineRewriter;

fn rewritten(sent: &[u8]) -> Vec<u8> {
    let mut rewriter = RequestLineRewriter::new(8 * 1024);
    let mut passed = Vec::new();
    rewriter.push(sent, &mut |bytes| passed.extend_from_slice(bytes));
    rewriter.finish(&mut |bytes| passed.extend_from_slice(bytes));
    passed
}

/// Method, target and body of each request that hyper finds in these bytes.
async fn requests(sent: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let found = Arc::clone(&found);
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let Ok(body) = request.into_body().collect().await else {
                return Ok::<_, Infallible>(Response::new(Full::<&[u8]>::default()));
            };
            found.lock().unwrap().push((line, body.to_bytes().to_vec()));
            Ok(Response::new(Full::default()))
        }
    });
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (mut answers, mut sending) = tokio::io::split(ours);
    let client = async move {
        let _ = sending.write_all(&sent).await;
        let _ = sending.shutdown().await;
        let mut read = Vec::new();
        let _ = answers.read_to_end(&mut read).await;
    };
    let server = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(theirs), service);
    let (_, ()) = tokio::join!(server, client);
    Arc::clone(&found).lock().unwrap().drain(..).collect()
}

fn line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET /a HTTP/1.1\r\n",
        "POST /b?c=d HTTP/1.1\r\n",
        "GET /e HTTP/1.0\r\n",
        "GET /raw blank HTTP/1.1\r\n",
        "GET http://host/absolute HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "CONNECT host:80 HTTP/1.1\r\n",
        "GET /zero-nine\r\n",
        "PRI * HTTP/2.0\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 5\r\n",
        "content-length:31\n",
        "Content-Length: +5\r\n",
        "Content-Length : 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5 \r\n",
        "Content-Length:\t5\t\r\n",
        "Content-Length: 05\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5;extension=x\r\nhello\r\n0\r\n\r\n",
        "X: y\r\n",
        "X: y\r\n folded\r\n",
        " Content-Length: 5\r\n",
        "X: a\rContent-Length: 5\r\n",
        "Expect: 100-continue\r\n",
        "Connection: keep-alive\r\n",
        "Connection: close\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "\r\n",
        "\n",
        "\r",
        " \r\n",
        "hello",
        "GET /in a body HTTP/1.1\r\n\r\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_rewriter_never_sees_another_boundary_than_hyper(lines in prop::collection::vec(line(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let sent = lines.concat().into_bytes();
        let without = runtime.block_on(requests(sent.clone()));
        let with = runtime.block_on(requests(rewritten(&sent)));
        prop_assert!(with.len() >= without.len(), "{with:?}");
        prop_assert_eq!(&with[..without.len()], &without[..]);
    }
}
