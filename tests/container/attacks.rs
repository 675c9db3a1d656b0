//! The service's container under attack, with half the memory that the deployment gives it.

use testkit::attack::attacks;
use testkit::client::{get, try_send};
use testkit::configuration::{LOGIN, TOKEN};
use testkit::eventually;

use crate::deployment::Deployment;
use crate::engine::{docker, inspect};

/// The kernel kills the process that takes more.
const MEMORY: &str = "128m";

pub async fn no_attack_takes_more_memory_than_the_container_has() {
    let deployment = Deployment::start().await;
    withstands(&deployment).await;
}

pub async fn nor_does_one_while_postgres_is_paused() {
    let deployment = Deployment::start().await;
    deployment.postgres().pause().await.unwrap();
    withstands(&deployment).await;
    deployment.postgres().unpause().await.unwrap();
}

/// Strangers and clients with valid credentials attack; afterwards the same process answers.
async fn withstands(deployment: &Deployment) {
    let container = deployment.receiver().id();
    docker(&["update", "--memory", MEMORY, "--memory-swap", MEMORY, container]).await;
    let life = async || inspect(container, "{{.State.Pid}} {{.State.StartedAt}}").await;
    let before = life().await;
    let report = format!("/delivery-reports/{TOKEN}?mess_id=m&status=0&number=1");
    let message = format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=m");
    let strangers = ["/inbound-messages", "/delivery-reports/wrong"];
    for targets in [strangers, [message.as_str(), report.as_str()]] {
        for attack in attacks() {
            attack.run(&targets, deployment.http).await;
            eventually("a callback is stored", async || {
                try_send(deployment.http, get(&report))
                    .await
                    .is_some_and(|answer| answer.status == 200)
            })
            .await;
            let killed = inspect(container, "{{.State.OOMKilled}}").await;
            assert_eq!(
                (killed.as_str(), life().await),
                ("false", before.clone()),
                "{}",
                attack.name
            );
        }
    }
}
