//! A hard limit of open files that is lower than `http.max_connections`.

use std::process::Stdio;
use std::time::Duration;

use testkit::service::Service;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::app::TOKEN;
use crate::support::client::{get, send};
use crate::support::metrics::{figure, scrape};
use crate::support::postgres::TestDatabase;
use crate::support::process::addresses;
use crate::support::scratch::scratch;
use crate::support::{eventually, goes_to_postgres};

#[tokio::test]
async fn a_low_limit_of_open_files_lowers_the_limit_of_connections_and_the_gateway_gets_through() {
    let database = TestDatabase::create().await;
    let service = Service::new(&database.url(), &scratch("data"), &[]);
    let mut process = service.spawn_through("ulimit -n 256 && exec \"$0\" serve", Stdio::null());
    let (http, admin) = process.until_logged("the service listens", addresses).await;
    eventually("ready", || goes_to_postgres(admin)).await;
    let limit = "routo_connections_limit{listener=\"http\"}";
    assert_eq!(figure(&scrape(admin).await, limit), Some(64.0));

    let mut strangers = Vec::new();
    for number in 0..400 {
        strangers.push(TcpStream::connect(http).await.unwrap());
        if number % 50 == 0 {
            let report = format!("/delivery-reports/{TOKEN}?mess_id={number}&status=0&number=1");
            // Those who just came may not be ready to give way: that is answered 503 at once, or closed.
            eventually("the gateway gets through", async || {
                // Without an answer, it panics.
                let attempt = tokio::spawn(send(http, get(&report)));
                let attempt = timeout(Duration::from_secs(2), attempt).await;
                attempt
                    .expect("within a gateway's patience")
                    .is_ok_and(|answer| answer.status == 200)
            })
            .await;
        }
    }
    let log = process.log();
    assert_eq!(log.matches("too low for http.max_connections").count(), 1, "{log}");
    assert!(!log.contains("can't accept a connection"), "{log}");
    assert_eq!(process.terminate().await, Some(0));
}
