//! The service and its Postgres, each in a container, in a network of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use simulator::Pace;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection as _};
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use testkit::judge::{self, Findings};
use testkit::load::{Load, MIXED};
use testkit::record::Record;
use testkit::service::readyz;
use tokio::time::sleep;

use crate::engine::{IMAGE, LABEL, Leavings, build_image, docker, logs, try_docker, version_of};
use testkit::configuration::free_port;
use testkit::configuration::{PASSWORD, TOKEN};
use testkit::eventually;

pub const DATA_DIR: &str = "/var/lib/routo-receiver";
const PROGRAM: &str = "/usr/local/bin/routo-receiver";

/// How long after the load acknowledged callbacks may take to reach Postgres.
const SETTLING: Duration = Duration::from_mins(1);

pub type Container = ContainerAsync<GenericImage>;

/// Fields are dropped in their order: containers before the network and the volume.
pub struct Deployment {
    pub receiver: Option<Container>,
    pub postgres: Option<Container>,
    /// The service's address on this machine.
    pub http: SocketAddr,
    postgres_port: u16,
    pub leavings: Leavings,
}

impl Deployment {
    /// Starts both and waits until callbacks go to Postgres.
    pub async fn start() -> Self {
        let mut deployment = Self::without_postgres().await;
        deployment.start_postgres().await;
        deployment.until_in_postgres().await;
        deployment
    }

    /// Starts only the service and waits until it accepts callbacks.
    pub async fn without_postgres() -> Self {
        build_image().await;
        let mut deployment = Self {
            receiver: None,
            postgres: None,
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())),
            postgres_port: free_port(),
            leavings: Leavings::new(),
        };
        deployment.start_receiver().await;
        deployment
    }

    /// Starts a container of the image with the previous one's volume, if there was one.
    pub async fn start_receiver(&mut self) {
        let id = &self.leavings.id;
        let request = GenericImage::new(IMAGE.0, IMAGE.1)
            .with_mapped_port(self.http.port(), 8080.tcp())
            .with_mount(Mount::volume_mount(id, DATA_DIR))
            .with_readonly_rootfs(true)
            .with_cap_drop("ALL")
            .with_security_opt("no-new-privileges:true")
            .with_env_var("DATABASE_URL", format!("postgres://postgres:secret@{id}-postgres/routo"))
            .with_env_var("ROUTO_ACCOUNTS__MAIN__USER", "gateway")
            .with_env_var("ROUTO_ACCOUNTS__MAIN__PASSWORD", PASSWORD)
            .with_env_var("ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN", TOKEN);
        self.receiver = Some(self.run("receiver", request).await);
        eventually("the service takes callbacks", async || {
            readyz(self.http).await.is_some_and(|answer| answer.status == 200)
        })
        .await;
    }

    pub async fn start_postgres(&mut self) {
        let request = GenericImage::new("postgres", version_of("POSTGRES_VERSION"))
            .with_mapped_port(self.postgres_port, 5432.tcp())
            .with_env_var("POSTGRES_PASSWORD", "secret")
            .with_env_var("POSTGRES_DB", "routo");
        self.postgres = Some(self.run("postgres", request).await);
    }

    /// Starts a container in the network, where its host name is `{id}-{name}`.
    pub async fn run(&self, name: &str, request: ContainerRequest<GenericImage>) -> Container {
        let id = &self.leavings.id;
        let named = request.with_container_name(format!("{id}-{name}")).with_network(id);
        named.with_label(LABEL, id).start().await.unwrap()
    }

    pub fn receiver(&self) -> &Container {
        self.receiver.as_ref().expect("the service has a container")
    }

    pub fn postgres(&self) -> &Container {
        self.postgres.as_ref().expect("Postgres has a container")
    }

    /// Starts the usual load, without a proxy.
    pub fn load(&self) -> Load {
        Load::start(self.http, Pace::Open { rate: 400, connections: 4 }, &MIXED, None)
    }

    pub async fn until_spooling(&self) {
        self.until_callbacks_go_to("the spool").await;
    }

    pub async fn until_in_postgres(&self) {
        self.until_callbacks_go_to("Postgres").await;
    }

    /// Asks the admin listener, from within the container.
    async fn until_callbacks_go_to(&self, where_to: &str) {
        let says = format!("OK: callbacks go to {where_to}");
        eventually(&says, async || {
            let health = try_docker(&["exec", self.receiver().id(), PROGRAM, "health"]).await;
            health.1.starts_with(&says)
        })
        .await;
    }

    /// The callbacks in the spool according to `spool status`, which prints "up to" for files in use.
    pub async fn spooled(&self) -> u64 {
        let status = docker(&["exec", self.receiver().id(), PROGRAM, "spool", "status"]).await;
        let status = status.trim_start_matches("up to ");
        status.split(' ').next().unwrap().parse().unwrap()
    }

    pub async fn connect(&self) -> PgConnection {
        let options = PgConnectOptions::new().host("127.0.0.1").port(self.postgres_port);
        let options = options.username("postgres").password("secret").database("routo");
        options.connect().await.unwrap()
    }

    /// Waits until Postgres has every acknowledged callback and the spool is empty. Then each
    /// acknowledged attempt must have one row, and each row an attempt.
    pub async fn assert_exactly_once(&self, record: &Record) {
        let deadline = Instant::now() + SETTLING;
        let mut connection = self.connect().await;
        let findings = loop {
            let findings = judge::compare(record, &mut connection).await;
            let settled = findings.lost.is_empty() && self.spooled().await == 0;
            if settled || Instant::now() > deadline {
                break findings;
            }
            sleep(Duration::from_millis(100)).await;
        };
        connection.close().await.unwrap();
        let Findings { lost, doubled, strange } = findings;
        assert!(record.acknowledged() > 0, "nothing was acknowledged");
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        assert!(strange.is_empty(), "strange: {strange:?}");
        assert_eq!(self.spooled().await, 0);
    }

    pub async fn receiver_log(&self) -> String {
        logs(self.receiver().id()).await
    }
}
