//! The disk under Postgres is full, and has room again later.

use super::outage::unnoticed;
use super::{Form, Outcome};
use crate::world::World;
use testkit::scratch;
use testkit::server::Postgres;
use testkit::service::Service;
use testkit::tmpfs::Tmpfs;

pub async fn a_postgres_whose_disk_is_full_is_noticed_by_nobody(form: Form) -> Outcome {
    let disk = match Tmpfs::mount(512) {
        Ok(disk) => disk,
        Err(why) => return Outcome::not_run(format!("no tmpfs can be mounted: {why}")),
    };
    let mut postgres = Postgres::on(&disk.path.join("postgres")).await;
    postgres.start().await;
    let service = Service::new(&postgres.url(), &scratch("data"), &[]);
    let mut world = World::of(postgres, service).with_service().await;
    unnoticed(
        form,
        &mut world,
        async |_| disk.fill(0),
        // Without room for its WAL Postgres shuts down, as it should, and is restarted.
        async |_| disk.make_room(),
    )
    .await
}
