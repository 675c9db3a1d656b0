//! Others hold all of the connections that Postgres has, and let go of them later.

use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::outage::unnoticed;
use super::{Form, Outcome};
use crate::world::World;

/// Ends the service's connections, and says how many there were.
const CUT_OFF: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where usename = 'service' and backend_type = 'client backend'";

pub async fn a_postgres_without_free_connections_is_noticed_by_nobody(form: Form) -> Outcome {
    let mut world = World::start().await;
    let held: Mutex<Vec<PgConnection>> = Mutex::default();
    unnoticed(
        form,
        &mut world,
        async |world| {
            let mut held = held.lock().await;
            loop {
                while let Some(connection) = world.postgres.try_connect().await {
                    held.push(connection);
                }
                let cut = sqlx::query_scalar(CUT_OFF).fetch_one(&mut held[0]).await;
                let cut: i64 = cut.unwrap();
                if cut == 0 {
                    break;
                }
            }
        },
        async |_| held.lock().await.clear(),
    )
    .await
}
