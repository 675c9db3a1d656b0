//! Postgres hangs: its connections stay open, and nothing is answered on them.

use super::outage::unnoticed;
use super::{Form, Outcome};
use crate::world::World;

pub async fn a_postgres_that_hangs_is_noticed_by_nobody(form: Form) -> Outcome {
    let mut world = World::start().await;
    unnoticed(
        form,
        &mut world,
        async |world| world.postgres.freeze(),
        async |world| world.postgres.thaw(),
    )
    .await
}
