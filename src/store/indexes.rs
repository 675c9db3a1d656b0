//! Indexes of the partitioned tables, built on the partitions that exist without keeping anybody from
//! writing.
//!
//! A migration makes an index `on only` the partitioned table, which takes a moment and whatever the
//! table's size: partitions made from then on have it. Here it is built on each of the others
//! (`create index concurrently`) and attached; with the last it is valid (Postgres documentation,
//! `CREATE INDEX`, "Building Indexes Concurrently"). Whatever ended an earlier attempt, the next one
//! goes on from what is there.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::sleep;

use crate::metrics::Purpose;

use super::error::is_lock_timeout;
use super::timeouts::Timeouts;
use super::{Database, StoreError};

/// The advisory lock under which indexes are built: an arbitrary number, the same everywhere.
const LOCK: i64 = 0x726F_7574_6F01;

/// How long to wait before asking again for another replica's turn to end.
const TURN_PAUSE: Duration = Duration::from_millis(500);

/// Attaching an index takes it for a moment: queries of the partition wait behind it so long at most.
const ATTACH_LOCK: Duration = Duration::from_millis(100);

/// How often, and how long after each other, that is tried.
const ATTACH_ATTEMPTS: u32 = 30;
const ATTACH_PAUSE: Duration = Duration::from_secs(1);

/// What to do while another replica builds indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Wait until it is done, and see whether anything is left.
    Wait,
    /// Leave it to the other.
    Yield,
}

/// An index that a partition lacks. The names but the first are quoted for SQL, with their schema.
struct Missing {
    name: String,
    quoted_name: String,
    /// The index of the partitioned table that it is to be a part of.
    whole: String,
    /// The statement that builds it.
    create: String,
    /// Whether it is there, whole, or there but for an attempt that was ended early.
    is_whole: Option<bool>,
    /// Whether this session may build it.
    is_owner: bool,
}

/// Builds every index that a partition lacks, one after the other.
pub(super) async fn complete(database: &Database, turn: Turn) -> Result<(), StoreError> {
    let mut connection = database.connect(Purpose::Upkeep).await?;
    if missing(&mut connection).await?.is_empty() {
        return Ok(());
    }
    // Asked again and again: a session that waited for the lock would be waited for by the build.
    while !take_turn(&mut connection).await.map_err(StoreError::Connect)? {
        if turn == Turn::Yield {
            return Ok(());
        }
        sleep(TURN_PAUSE).await;
    }
    // The lock goes with the connection.
    for index in missing(&mut connection).await? {
        if !index.is_owner {
            return Err(StoreError::NotOwner { index: index.name });
        }
        build(&mut connection, &index).await?;
    }
    Ok(())
}

async fn take_turn(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "taken!""#, LOCK)
        .fetch_one(connection)
        .await
}

/// What is missing, the newest partitions first: they are read most.
async fn missing(connection: &mut PgConnection) -> Result<Vec<Missing>, StoreError> {
    sqlx::query_as!(
        Missing,
        r#"
        select
            part.name as "name!",
            format('%I.%I', partition_schema.nspname, part.name) as "quoted_name!",
            format('%I.%I', schema.nspname, whole.relname) as "whole!",
            format(
                'create %s concurrently %I on %s %s',
                case when definition.indisunique then 'unique index' else 'index' end,
                part.name,
                callback_partitions.partition,
                -- From `using` on, after what names the index and its table.
                substr(
                    pg_get_indexdef(whole.oid),
                    1 + length(format(
                        'CREATE %sINDEX %I ON ONLY %I.%I ',
                        case when definition.indisunique then 'UNIQUE ' end,
                        whole.relname,
                        schema.nspname,
                        parent.relname
                    ))
                )
            ) as "create!",
            built.indisvalid as "is_whole?",
            pg_has_role(parent.relowner, 'usage') as "is_owner!"
        from callback_partitions
        join pg_class as partition on partition.oid = callback_partitions.partition
        join pg_namespace as partition_schema on partition_schema.oid = partition.relnamespace
        join pg_inherits as inheritance on inheritance.inhrelid = partition.oid
        join pg_class as parent on parent.oid = inheritance.inhparent
        join pg_namespace as schema on schema.oid = parent.relnamespace
        join pg_index as definition on definition.indrelid = parent.oid
        join pg_class as whole on whole.oid = definition.indexrelid
        -- Short enough for Postgres not to cut it off, and the same every time.
        cross join lateral (
            select
                case
                    when octet_length(partition.relname || '_' || whole.relname) <= 63
                        then partition.relname || '_' || whole.relname
                    else left(partition.relname, 54) || '_' || left(md5(whole.relname), 8)
                end
        ) as part (name)
        left join pg_class as index
            on index.relname = part.name
            and index.relnamespace = partition.relnamespace
        left join pg_index as built
            on built.indexrelid = index.oid
            and built.indrelid = partition.oid
        where not definition.indisvalid
        and partition.relkind = 'r'
        and not exists (
            select
            from pg_inherits as attachment
            join pg_index as attached on attached.indexrelid = attachment.inhrelid
            where attachment.inhparent = whole.oid
            and attached.indrelid = partition.oid
        )
        order by whole.relname, callback_partitions.from_time desc nulls last
        "#
    )
    .fetch_all(connection)
    .await
    .map_err(StoreError::Connect)
}

async fn build(connection: &mut PgConnection, missing: &Missing) -> Result<(), StoreError> {
    let failed = |source| StoreError::Index { index: missing.name.clone(), source };
    Timeouts::INDEX_BUILD.set(connection).await.map_err(failed)?;
    if missing.is_whole == Some(false) {
        let drop = format!("drop index concurrently {}", missing.quoted_name);
        run(connection, drop).await.map_err(failed)?;
    }
    if missing.is_whole != Some(true) {
        tracing::info!(index = missing.name, "building an index");
        run(connection, missing.create.clone()).await.map_err(failed)?;
    }
    Timeouts::INDEX_BUILD.with_lock(ATTACH_LOCK).set(connection).await.map_err(failed)?;
    let attach = format!("alter index {} attach partition {}", missing.whole, missing.quoted_name);
    for _ in 0..ATTACH_ATTEMPTS {
        match run(connection, attach.clone()).await {
            Err(error) if is_lock_timeout(&error) => sleep(ATTACH_PAUSE).await,
            other => return other.map_err(failed),
        }
    }
    Err(StoreError::IndexInUse { index: missing.name.clone() })
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}
