//! A service in this process, on ports and a database of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use routo_receiver::config::{Settings, Sources};
use routo_receiver::service::Service;
use serde_json::Value;

use super::client::{self, Answer};
use super::postgres::TestDatabase;
use super::{eventually, goes_to_postgres};

pub use testkit::configuration::{
    LOGIN, OTHER_PASSWORD, OTHER_TOKEN, PASSWORD, TOKEN, environment,
};

pub struct TestApp {
    pub service: Service,
    pub http: SocketAddr,
    pub database: TestDatabase,
    pub data_dir: PathBuf,
}

pub fn settings(database_url: &str, more: &[(&str, &str)]) -> Settings {
    let mut all: BTreeMap<OsString, OsString> =
        environment(database_url).into_iter().map(|(n, v)| (n.into(), v.into())).collect();
    all.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let sources =
        Sources { file: None, directory: PathBuf::from("/nonexistent"), environment: all };
    Settings::load(&sources).unwrap()
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more environment variables.
    pub async fn start_with(more: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create().await;
        let settings = settings(&database.url(), more);
        let data_dir = settings.data_dir.clone();
        let service = Service::start(settings).await.unwrap();
        let app = Self { http: service.http_address, service, database, data_dir };
        app.is_ready().await;
        app
    }

    pub async fn is_ready(&self) {
        eventually("the service is ready", || goes_to_postgres(self.service.admin_address)).await;
    }

    pub async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        client::send(self.http, request).await
    }

    /// From another address of this machine.
    pub async fn send_from(&self, source: [u8; 4], request: impl AsRef<[u8]>) -> Answer {
        client::send_from(source, self.http, request).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.send(client::get(target)).await
    }

    pub async fn post(&self, target: &str, form: &[u8]) -> Answer {
        self.send(client::post(target, form)).await
    }

    /// A report of the account `main`, by token.
    pub async fn report(&self, query: &str) -> Answer {
        self.get(&format!("/delivery-reports/{TOKEN}?{query}")).await
    }

    /// An inbound message of the account `main`: more form parameters.
    pub async fn message(&self, form: &str) -> Answer {
        let form = format!("{LOGIN}&org=441&dest=447&{form}");
        self.post("/inbound-messages", form.as_bytes()).await
    }

    pub async fn query(&self, sql: &str) -> Value {
        self.database.query(sql).await
    }

    /// How many rows all tables together have.
    pub async fn rows(&self) -> Value {
        self.database
            .value(
                "select (select count(*) from delivery_reports)
                      + (select count(*) from inbound_messages)
                      + (select count(*) from rejected_callbacks) as rows",
            )
            .await
    }

    /// Ends the service's connections to the database.
    pub async fn disconnect(&self) {
        self.database
            .execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and application_name = 'routo-receiver'",
            )
            .await;
    }

    pub async fn stop(self) {
        self.service.stop().await;
    }
}
