//! Postgres behind a pooler or another proxy.

use routo_receiver::service::Service;
use serde_json::json;

use crate::support::app::settings;
use crate::support::client::send;
use crate::support::postgres::TestDatabase;
use crate::support::proxy::Proxy;
use crate::support::{eventually, goes_to_postgres};

use super::ingest::commit_asynchronously_and_note_it;
use super::outages::report;

/// A migrated database, and its URL through a proxy.
async fn through_proxy(silent_after: Option<usize>) -> (TestDatabase, String) {
    let database = TestDatabase::create().await;
    let direct = Service::start(settings(&database.url(), &[])).await.unwrap();
    eventually("migrated", || goes_to_postgres(direct.admin_address)).await;
    direct.stop().await;
    let proxy = Proxy { silent_after, without_options: true, ..Proxy::default() };
    let (host, port) = (database.options.get_host(), database.options.get_port());
    let proxy = proxy.start(host, port).await;
    let options = database.options.clone().host("127.0.0.1").port(proxy.port());
    let url =
        sqlx::ConnectOptions::to_url_lossy(&options.ssl_mode(sqlx::postgres::PgSslMode::Disable));
    (database, url.into())
}

#[tokio::test]
async fn commits_are_synchronous_behind_a_pooler_that_drops_startup_options() {
    let (database, url) = through_proxy(None).await;
    commit_asynchronously_and_note_it(&database).await;
    let service = Service::start(settings(&url, &[])).await.unwrap();
    eventually("ready", || goes_to_postgres(service.admin_address)).await;
    assert_eq!(send(service.http_address, report()).await.status, 200);
    assert_eq!(
        database.query("select distinct setting from seen").await,
        json!([{ "setting": "on" }])
    );
    service.stop().await;
}

#[tokio::test]
async fn a_connection_that_goes_silent_while_it_is_prepared_is_replaced() {
    // In the middle of the first statements, well after the handshake.
    let (_database, url) = through_proxy(Some(900)).await;
    let service = Service::start(settings(&url, &[])).await.unwrap();
    eventually("ready", || goes_to_postgres(service.admin_address)).await;
    service.stop().await;
}
