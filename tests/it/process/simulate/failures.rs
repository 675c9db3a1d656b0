//! A failed rehearsal says which callbacks failed, and who refused them.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{World, simulate, world};
use crate::support::process::run;

#[tokio::test]
async fn a_lost_callback_is_named_with_the_answer_of_the_service() {
    let World { environment, service: _service, .. } = world(&[]).await;
    let run_of = "simulate --report-token wrong --only report --connections 1 --count";
    let simulated = async |count| {
        let arguments = [&run_of.split(' ').collect::<Vec<_>>()[..], &[count]].concat();
        let (code, out, _) = run(&arguments, &environment).await;
        assert_eq!(code, Some(3), "{out}");
        out
    };
    let out = simulated("1").await;
    let expected = "\nlost          1\n  callback 0, a report, 4 attempts: 401 from the service (X-Request-Id ";
    assert!(out.contains(expected), "{out}");
    assert!(out.contains("): wrong or missing credentials\n"), "{out}");

    let out = simulated("23").await;
    assert_eq!(out.matches("\n  callback ").count(), 20, "{out}");
    assert!(out.contains("\n  and 3 more\n"), "{out}");
    assert!(!out.contains("/delivery-reports/"), "{out}");
}

#[tokio::test]
async fn a_callback_that_a_proxy_refuses_is_named_as_such_without_the_proxys_text() {
    let World { environment, .. } = world(&[]).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = proxy.accept().await {
            let mut request = vec![0; 65_536];
            let _ = stream.read(&mut request).await;
            let answer = "HTTP/1.1 400 Bad Request\r\nServer: Caddy\r\nConnection: close\r\n\
                          Content-Length: 6\r\n\r\nsecret";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let run_of = format!("--url {url} --count 2 --connections 1 --torture --only report");
    let (code, outcome, _) = simulate(&run_of, &environment).await;
    assert_eq!((code, &outcome["lost"]), (Some(3), &json!(2)), "{outcome}");
    for failed in outcome["lost_callbacks"].as_array().unwrap() {
        let failed = failed.as_str().unwrap();
        assert!(failed.contains(": 400 from a proxy (Server: Caddy; no X-Request-Id)"), "{failed}");
        assert!(!failed.contains("secret"), "{failed}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_destination_is_said_before_anything_is_sent() {
    let World { environment, service, .. } = world(&[]).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, expected) in [
        (format!("http://{nobody}"), "accepts no connection; is the service running there?"),
        (format!("https://{}", service.http), "failed; the host in the URL has to be a name in"),
    ] {
        let (code, out, err) =
            run(&["simulate", "--url", &url, "--count", "2"], &environment).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.contains(expected), "{err}");
    }
}
