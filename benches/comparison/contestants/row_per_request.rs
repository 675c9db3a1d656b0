//! A plain axum handler that inserts one row for each request, with a connection pool.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{Contestant, Helper, TestDatabase, Way, free_port, until_listening};
use testkit::configuration::TOKEN;
use testkit::speed::Requests;

/// The argument that makes `main` this server, in its own process.
pub const COMMAND: &str = "serve-a-row-per-request";

/// The pool sizes that are tried.
pub const POOL_SIZES: [u32; 4] = [4, 8, 16, 32];

pub async fn start(database: TestDatabase, pool_size: u32) -> (Helper, Contestant) {
    let address = free_port();
    let (size, url) = (pool_size.to_string(), database.url());
    let server = Helper::spawn_self(&[COMMAND, &address.to_string(), &url, &size]);
    until_listening(address).await;
    let contestant = Contestant {
        letter: 'e',
        name: format!("axum and sqlx, one row per request, pool of {pool_size}"),
        short: "axum + sqlx",
        way: Way::Http(address, Requests::Reports),
        processes: vec![server.id()],
        database: Some(database),
    };
    (server, contestant)
}

/// The server itself; `arguments` are those of [`start`].
pub async fn serve(arguments: &[String]) {
    let [address, url, pool_size] = arguments else { panic!("{arguments:?}") };
    let size = pool_size.parse().unwrap();
    let pool = PgPoolOptions::new()
        .min_connections(size)
        .max_connections(size)
        // No query besides the request's own.
        .test_before_acquire(false)
        .connect_with(PgConnectOptions::from_str(url).unwrap())
        .await
        .unwrap();
    let router = Router::new().route("/delivery-reports/{token}", get(report)).with_state(pool);
    let address: SocketAddr = address.parse().unwrap();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        }),
        router,
    )
    .await
    .unwrap();
}

async fn report(
    State(pool): State<PgPool>,
    Path(token): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
) -> (StatusCode, &'static str) {
    if token != TOKEN {
        return (StatusCode::UNAUTHORIZED, "wrong token");
    }
    let [Some(mess_id), Some(number), Some(status)] =
        ["mess_id", "number", "status"].map(|name| parameters.get(name))
    else {
        return (StatusCode::BAD_REQUEST, "a parameter is missing");
    };
    let inserted = sqlx::query(
        "
        insert into delivery_reports (
            received_at, id, account, mess_id, number, status, status_code, transport, remote_addr,
            extra
        )
        values (
            now(), gen_random_uuid(), 'main', $1, $2, $3, $4, 'http-get', '127.0.0.1', '{}'
        )
        ",
    )
    .bind(mess_id)
    .bind(number)
    .bind(status)
    .bind(status.parse::<i32>().ok())
    .execute(&pool)
    .await;
    match inserted {
        Ok(_) => (StatusCode::OK, "OK"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not stored"),
    }
}
