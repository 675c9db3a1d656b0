//! The service's container is stopped, started, killed and replaced.

use std::time::{Duration, Instant};

use crate::deployment::Deployment;
use crate::engine::docker;

/// How long a stop may take: neither clients nor Postgres hold it up.
const SECONDS: Duration = Duration::from_secs(5);

pub async fn a_stop_takes_seconds_and_a_start_goes_on() {
    let deployment = Deployment::start().await;
    let load = deployment.load();
    load.until_more(100).await;
    assert_eq!(stop(&deployment).await, Some(0));
    load.until_more_given_up(1).await;
    deployment.receiver().start().await.unwrap();
    load.until_more(100).await;
    // Again, with callbacks left in the spool.
    deployment.postgres().pause().await.unwrap();
    deployment.until_spooling().await;
    load.until_more(100).await;
    assert_eq!(stop(&deployment).await, Some(0));
    deployment.receiver().start().await.unwrap();
    deployment.postgres().unpause().await.unwrap();
    deployment.until_in_postgres().await;
    let record = load.stop().await;
    deployment.assert_exactly_once(&record).await;
}

/// Sends SIGTERM to the program, which is process 1 of its container. Returns the exit code.
async fn stop(deployment: &Deployment) -> Option<i64> {
    let container = deployment.receiver();
    let asked = Instant::now();
    container.stop_with_timeout(Some(30)).await.unwrap();
    let took = asked.elapsed();
    assert!(took < SECONDS, "it took {took:?} to stop");
    container.exit_code().await.unwrap()
}

pub async fn a_killed_container_loses_nothing_acknowledged() {
    let deployment = Deployment::start().await;
    let load = deployment.load();
    load.until_more(100).await;
    docker(&["kill", deployment.receiver().id()]).await;
    deployment.receiver().start().await.unwrap();
    load.until_more(100).await;
    let record = load.stop().await;
    deployment.until_in_postgres().await;
    deployment.assert_exactly_once(&record).await;
}

pub async fn a_new_container_moves_what_the_old_one_left_in_the_volume() {
    let mut deployment = Deployment::start().await;
    let load = deployment.load();
    deployment.postgres().pause().await.unwrap();
    deployment.until_spooling().await;
    load.until_more(100).await;
    let old = deployment.receiver.take().unwrap();
    old.stop_with_timeout(Some(30)).await.unwrap();
    old.rm().await.unwrap();
    deployment.start_receiver().await;
    assert!(deployment.spooled().await >= 100);
    load.until_more(100).await;
    deployment.postgres().unpause().await.unwrap();
    deployment.until_in_postgres().await;
    let record = load.stop().await;
    deployment.assert_exactly_once(&record).await;
}
