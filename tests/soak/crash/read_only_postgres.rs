//! Postgres is restarted and takes connections, but no rows, as a standby that was not promoted
//! does; then it is told otherwise, without a restart.

use super::outage::unnoticed;
use super::{Form, Outcome};
use crate::world::World;

pub async fn a_postgres_that_comes_back_read_only_is_noticed_by_nobody(form: Form) -> Outcome {
    let mut world = World::start().await;
    unnoticed(
        form,
        &mut world,
        async |world| {
            let postgres = &mut world.postgres;
            postgres.execute("alter system set default_transaction_read_only = on").await;
            postgres.stop().await;
            postgres.start().await;
        },
        async |world| {
            let postgres = &mut world.postgres;
            postgres.execute("alter system reset default_transaction_read_only").await;
            postgres.execute("select pg_reload_conf()").await;
        },
    )
    .await
}
