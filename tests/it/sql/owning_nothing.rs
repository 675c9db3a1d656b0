//! The service's work by a role that owns nothing, and by the owner.

use routo_receiver::service::Service;
use routo_receiver::store::upkeep::run_once;
use serde_json::json;

use super::roles::Roles;
use crate::support::app::{LOGIN, TOKEN, settings};
use crate::support::client::{get, send};
use crate::support::store::{DAY, keeping_all_for, store};
use crate::support::{eventually, goes_to_postgres};

fn report(mess_id: &str) -> Vec<u8> {
    get(&format!("/delivery-reports/{TOKEN}?mess_id={mess_id}&status=0&number=1"))
}

#[tokio::test]
async fn a_service_that_owns_nothing_does_all_of_its_work() {
    let roles = Roles::make().await;
    let database = &roles.database;
    let old =
        "select make_partition(parent, now() - interval '400 days', now() - interval '399 days')
               from unnest(array['delivery_reports', 'inbound_messages']) as parent";
    roles.may("owner", old).await;
    roles
        .may(
            "owner",
            "insert into rejected_callbacks
             values (now() - interval '400 days', gen_random_uuid(), 'a', '', 'old', '{}', '', '::1')",
        )
        .await;
    let more = [
        ("ROUTO_DATABASE__MIGRATE_ON_START", "false"),
        ("ROUTO_RETENTION__DELIVERY_REPORTS", "90days"),
        ("ROUTO_RETENTION__INBOUND_MESSAGES", "90days"),
        ("ROUTO_RETENTION__REJECTED_CALLBACKS", "90days"),
        ("ROUTO_PARTITIONS__AHEAD", "5"),
    ];
    let service = Service::start(settings(&roles.url("service"), &more)).await.unwrap();
    let http = service.http_address;
    eventually("ready", || goes_to_postgres(service.admin_address)).await;

    // Both kinds, a callback that can't be used, and one that Postgres refuses.
    assert_eq!(send(http, report("m")).await.status, 200);
    let message = format!("/inbound-messages?{LOGIN}&org=1&dest=2&message=hello");
    assert_eq!(send(http, get(&message)).await.status, 200);
    assert_eq!(send(http, get(&format!("/delivery-reports/{TOKEN}?status=0"))).await.status, 400);
    roles.may("owner", "alter table delivery_reports add check (mess_id <> 'bad')").await;
    assert_eq!(send(http, report("bad")).await.status, 200);
    assert_eq!(send(http, report("good")).await.status, 200);

    // An outage, after which the spool's rows lack a partition.
    database
        .execute(
            "alter table delivery_reports rename to elsewhere;
             do $$ begin
                 execute format('drop table %s', (
                     select partition from callback_partitions
                     where table_name = 'elsewhere' and now() between from_time and to_time
                 ));
             end $$;",
        )
        .await;
    assert_eq!(send(http, report("late")).await.status, 200);
    assert!(!goes_to_postgres(service.admin_address).await);
    database.execute("alter table elsewhere rename to delivery_reports").await;
    eventually("drained", || async {
        database.value("select count(*) from delivery_reports where mess_id = 'late'").await
            == json!(1)
    })
    .await;
    assert_eq!(database.value("select count(*) from inbound_messages").await, json!(1));

    // Partitions ahead, and no expired rows.
    eventually("the old rows are gone", || async {
        let old = "select (select count(*) from callback_partitions where to_time < now() - interval '90 days')
                        + (select count(*) from rejected_callbacks where reason = 'old') as old";
        database.value(old).await == json!(0)
    })
    .await;
    assert_eq!(
        database
            .value("select count(*) from callback_partitions where table_name = 'inbound_messages'")
            .await,
        json!(6)
    );
    assert_eq!(database.value("select count(*) from rejected_callbacks").await, json!(2));
    service.stop().await;
    roles.everything_is_the_owner_s().await;
}

#[tokio::test]
async fn the_owner_can_do_the_service_s_work_too() {
    let roles = Roles::make().await;
    let store = store(&roles.as_role("owner"), routo_receiver::store::PartitionWidth::Day);
    run_once(&store, &keeping_all_for(Some(DAY))).await.unwrap();
}
