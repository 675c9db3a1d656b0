//! Outages of the container of Postgres, which no gateway notices.

use crate::deployment::Deployment;
use crate::engine::docker;

/// During the outage callbacks go to the spool, and every answer is 200.
async fn unnoticed(begin: impl AsyncFn(&Deployment), end: impl AsyncFn(&Deployment)) {
    let deployment = Deployment::start().await;
    let load = deployment.load();
    load.until_more(100).await;
    begin(&deployment).await;
    deployment.until_spooling().await;
    load.until_more(300).await;
    end(&deployment).await;
    deployment.until_in_postgres().await;
    load.until_more(100).await;
    let record = load.stop().await;
    assert_eq!(record.others(), "", "other than 200");
    deployment.assert_exactly_once(&record).await;
}

pub async fn a_killed_postgres_container_is_noticed_by_nobody() {
    unnoticed(
        async |deployment| {
            docker(&["kill", deployment.postgres().id()]).await;
        },
        async |deployment| deployment.postgres().start().await.unwrap(),
    )
    .await;
}

pub async fn a_paused_postgres_container_is_noticed_by_nobody() {
    unnoticed(
        async |deployment| deployment.postgres().pause().await.unwrap(),
        async |deployment| deployment.postgres().unpause().await.unwrap(),
    )
    .await;
}

pub async fn a_postgres_off_the_network_is_noticed_by_nobody() {
    unnoticed(
        async |deployment| connection("disconnect", deployment).await,
        async |deployment| connection("connect", deployment).await,
    )
    .await;
}

async fn connection(what: &str, deployment: &Deployment) {
    let container = deployment.postgres().id();
    docker(&["network", what, &deployment.leavings.id, container]).await;
}

pub async fn callbacks_are_taken_before_there_is_a_postgres() {
    let mut deployment = Deployment::without_postgres().await;
    let load = deployment.load();
    load.until_more(200).await;
    deployment.start_postgres().await;
    deployment.until_in_postgres().await;
    load.until_more(100).await;
    let record = load.stop().await;
    assert_eq!(record.others(), "", "other than 200");
    deployment.assert_exactly_once(&record).await;
}
