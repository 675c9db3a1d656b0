//! One Postgres server for the tests of a process, started as the service starts its own.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresOptions};
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::scratch;

static SERVER: OnceLock<PgConnectOptions> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of its own, empty, on the shared server.
pub struct TestDatabase {
    pub options: PgConnectOptions,
}

impl TestDatabase {
    pub async fn create() -> Self {
        let server =
            tokio::task::spawn_blocking(|| SERVER.get_or_init(start).clone()).await.unwrap();
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut connection = server.connect().await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        Self { options: server.database(&name) }
    }

    pub fn url(&self) -> String {
        self.options.to_url_lossy().into()
    }

    pub async fn connect(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// The rows of a query as a JSON array of objects.
    pub async fn query(&self, sql: &str) -> Value {
        let sql =
            format!("select coalesce(jsonb_agg(to_jsonb(the_row)), '[]') from ({sql}) as the_row");
        let mut connection = self.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap()
    }

    /// The one value of a query.
    pub async fn value(&self, sql: &str) -> Value {
        let rows = self.query(sql).await;
        rows[0].as_object().unwrap().values().next().unwrap().clone()
    }
}

/// Starts the server in a scratch directory. It ends with this process, as an embedded Postgres does.
fn start() -> PgConnectOptions {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = EmbeddedPostgresOptions { data_dir: scratch("postgres"), bin_dir: None };
    let server = runtime.block_on(EmbeddedPostgres::start(options)).unwrap();
    let options = PgConnectOptions::from_str(server.url().expose_secret()).unwrap();
    std::mem::forget((runtime, server));
    options
}
