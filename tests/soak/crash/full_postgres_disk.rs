//! The disk under Postgres is full, and has room again later.

use super::outage::unnoticed;
use super::{Form, Outcome};
use crate::world::World;
use crate::world::place::Place;
use crate::world::postgres::Postgres;
use crate::world::service::Service;
use crate::world::tmpfs::Tmpfs;

pub async fn a_postgres_whose_disk_is_full_is_noticed_by_nobody(form: Form) -> Outcome {
    let place = Place::new();
    let disk = match Tmpfs::mount(&place, 512) {
        Ok(disk) => disk,
        Err(why) => return Outcome::not_run(format!("no tmpfs can be mounted: {why}")),
    };
    let mut postgres = Postgres::on(&place, &disk.path);
    postgres.start().await;
    let service = Service::new(&place, &postgres.url(), &place.path("data"), &[]);
    let mut world = World::of(postgres, service);
    world.start_service().await;
    world.service.until_in_postgres().await;
    unnoticed(
        form,
        &mut world,
        async |_| disk.fill(),
        async |world| {
            disk.make_room();
            // Without room for its log it gives itself up, as it should.
            if !world.postgres.runs() {
                world.postgres.start().await;
            }
        },
    )
    .await
}
