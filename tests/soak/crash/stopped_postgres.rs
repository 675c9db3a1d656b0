//! Postgres is stopped in order and stays away.

use std::time::Duration;

use super::outage::unnoticed_for;
use super::{Form, Outcome};
use crate::world::World;

pub async fn a_stopped_postgres_is_noticed_by_nobody(form: Form) -> Outcome {
    let mut world = World::start().await;
    unnoticed_for(
        form,
        form.length(Duration::from_secs(3), Duration::from_mins(1)),
        &mut world,
        async |world| world.postgres.stop().await,
        async |world| world.postgres.start().await,
    )
    .await
}
