//! `deploy/roles.sql`: what each role may and may not do.

use std::path::Path;

use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::process::Command;

use crate::support::app::environment;
use crate::support::postgres::TestDatabase;
use crate::support::process::run;

const PASSWORD: &str = "of-a-test";

/// A database with roles of its own: roles belong to the whole server.
pub(crate) struct Roles {
    pub(crate) database: TestDatabase,
}

impl Roles {
    /// Runs the script, the migration as the owner, and the script again, as its head says.
    pub(crate) async fn make() -> Self {
        let roles = Self { database: TestDatabase::create().await };
        roles.run_script().await;
        for role in ["owner", "service", "reader", "consumer"] {
            let role = roles.name(role);
            roles.database.execute(&format!("alter role {role} login password '{PASSWORD}'")).await;
        }
        let (code, _, log) = run(&["migrate"], &environment(&roles.url("owner"))).await;
        assert_eq!(code, Some(0), "{log}");
        roles.run_script().await;
        roles
    }

    fn name(&self, role: &str) -> String {
        format!("{}_{role}", self.database.options.get_database().unwrap())
    }

    async fn run_script(&self) {
        let url = self.database.url();
        // Only sqlx knows its parameters.
        let url = url.split('?').next().unwrap();
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--dbname", url]);
        for role in ["owner", "service", "reader", "consumer"] {
            psql.args(["--set", &format!("{role}={}", self.name(role))]);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/roles.sql");
        let output = psql.arg("--file").arg(script).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    }

    /// The database as this role sees it.
    pub(crate) fn as_role(&self, role: &str) -> TestDatabase {
        let options: PgConnectOptions = self.database.options.clone();
        TestDatabase { options: options.username(&self.name(role)).password(PASSWORD) }
    }

    pub(crate) fn url(&self, role: &str) -> String {
        self.as_role(role).url()
    }

    /// Why Postgres refuses the statement to the role, if it does.
    async fn refusal(&self, role: &str, statement: &str) -> Option<String> {
        let mut connection = self.as_role(role).options.connect().await.unwrap();
        let outcome =
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
        outcome.err().map(|error| error.as_database_error().unwrap().message().to_owned())
    }

    pub(crate) async fn may(&self, role: &str, statement: &str) {
        assert_eq!(self.refusal(role, statement).await, None, "{role}: {statement}");
    }

    async fn may_not(&self, role: &str, statements: &[&str]) {
        for statement in statements {
            let refusal = self.refusal(role, statement).await.unwrap_or_default();
            assert!(
                refusal.starts_with("permission denied") || refusal.starts_with("must be owner"),
                "{role}: {statement}: {refusal}"
            );
        }
    }

    pub(crate) async fn everything_is_the_owner_s(&self) {
        let others = self
            .database
            .query(&format!(
                "select relname as name from pg_class
                 where relnamespace = 'public'::regnamespace and relowner <> '{owner}'::regrole
                 union all
                 select proname from pg_proc
                 where pronamespace = 'public'::regnamespace and proowner <> '{owner}'::regrole",
                owner = self.name("owner")
            ))
            .await;
        assert_eq!(others, json!([]));
    }
}

#[tokio::test]
async fn the_service_has_only_the_privileges_that_it_needs() {
    let roles = Roles::make().await;
    roles
        .may_not(
            "service",
            &[
                "select from delivery_reports",
                "select message from inbound_messages",
                "select from inbox",
                "select from message_status",
                "select from rejected_callbacks",
                "update delivery_reports set status = '0'",
                "update inbound_messages set processed_at = now()",
                "delete from delivery_reports",
                "delete from rejected_callbacks",
                "truncate delivery_reports",
                "drop table rejected_callbacks",
                "drop table delivery_reports",
                "alter table delivery_reports add note text",
                "create table mine ()",
                "create function mine() returns integer language sql as 'select 1'",
                "update delivery_statuses set final = true",
                "delete from _sqlx_migrations",
                "insert into _sqlx_migrations values (1)",
                "alter function make_partition owner to current_user",
                "create role mine",
            ],
        )
        .await;
    for table in ["rejected_callbacks", "pg_class"] {
        let statement = format!("select make_partition('{table}', '2024-01-01Z', '2024-02-01Z')");
        let refused = roles.refusal("service", &statement).await.unwrap();
        assert!(refused.contains("is not a partitioned table of callbacks"), "{refused}");
    }
}

#[tokio::test]
async fn functions_that_run_as_the_owner_ignore_the_caller_s_search_path() {
    let roles = Roles::make().await;
    let trick = "create temp table delivery_reports (received_at timestamptz) partition by range (received_at);
                 create temp view callback_partitions as
                     select 'delivery_reports' as table_name, 'public.rejected_callbacks'::regclass as partition,
                            '-infinity'::timestamptz as from_time, '-infinity'::timestamptz as to_time;
                 set search_path = pg_temp, public;
                 select public.make_partition('delivery_reports', '2024-01-01Z', '2024-02-01Z');
                 select public.drop_expired_partition('delivery_reports', now() - interval '9000 days');";
    roles.may("service", trick).await;
    let tables = "select count(*) from pg_class where oid in ('public.rejected_callbacks'::regclass, 'public.delivery_reports_2024_01'::regclass)";
    assert_eq!(roles.database.value(tables).await, json!(2));
}

#[tokio::test]
async fn a_reader_reads_everything_and_changes_nothing() {
    let roles = Roles::make().await;
    roles
        .may("owner", "create table of_a_later_migration (); create view of_one as select 1 as n")
        .await;
    let relations = roles
        .database
        .query(
            "select relname from pg_class
             where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')",
        )
        .await;
    for relation in relations.as_array().unwrap() {
        for role in ["reader", "consumer"] {
            roles.may(role, &format!("select * from {} limit 1", relation["relname"])).await;
        }
    }
    roles
        .may_not(
            "reader",
            &[
                "insert into delivery_reports (received_at) values (now())",
                "update inbound_messages set processed_at = now()",
                "update delivery_statuses set final = true",
                "delete from rejected_callbacks",
                "drop view inbox",
                "create table mine ()",
                "select make_partition('delivery_reports', '2024-01-01Z', '2024-02-01Z')",
                "select drop_expired_partition('delivery_reports', now())",
                "select delete_expired_rejected_callbacks(now(), 1)",
                "select from inbound_messages for update",
            ],
        )
        .await;
}

#[tokio::test]
async fn a_consumer_marks_messages_as_processed_and_changes_nothing_else() {
    let roles = Roles::make().await;
    roles
        .may(
            "consumer",
            "begin;
             select from inbound_messages for update skip locked;
             update inbound_messages set processed_at = now() where processed_at is null;
             commit",
        )
        .await;
    roles
        .may(
            "owner",
            "insert into inbound_messages
             values (now(), gen_random_uuid(), 'main', '1', '2', null, '', '', 'iso-8859-1', 'http-post', '::1', '{}')",
        )
        .await;
    roles.may("consumer", "select from claim_inbound_messages(1)").await;
    let claimed = "select count(*) from inbound_messages where processed_at is not null";
    assert_eq!(roles.database.value(claimed).await, json!(1));
    roles.may("consumer", "select release_inbound_messages('{}'), delivery_reports_since()").await;
    roles
        .may_not(
            "consumer",
            &[
                "update inbound_messages set message = ''",
                "delete from inbound_messages",
                "insert into inbound_messages (received_at) values (now())",
                "update delivery_reports set status = '0'",
                "select drop_expired_partition('delivery_reports', now())",
            ],
        )
        .await;
}

#[tokio::test]
async fn tables_that_another_role_created_become_the_owner_s() {
    let roles = Roles { database: super::schema::migrated().await };
    roles.run_script().await;
    roles.everything_is_the_owner_s().await;
}
