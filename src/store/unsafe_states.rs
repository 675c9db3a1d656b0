//! States of the database that can undo what it has committed: found, and reported once.

use std::sync::Mutex;

use sqlx::PgConnection;

use crate::metrics::{PostgresMetrics, UnsafeState};

/// What was found last. A change is one line of the log.
#[derive(Default)]
pub(super) struct UnsafeStates(Mutex<Vec<String>>);

impl UnsafeStates {
    /// Looks for such states, logs a change and sets the metrics.
    pub(super) async fn inspect(
        &self,
        connection: &mut PgConnection,
        metrics: &PostgresMetrics,
    ) -> Result<(), sqlx::Error> {
        let states = find(connection).await?;
        for state in UnsafeState::ALL {
            metrics.unsafe_state(state, states.iter().any(|(found, _)| *found == state));
        }
        let texts: Vec<String> = states.into_iter().map(|(_, text)| text).collect();
        let mut logged = self.0.lock().expect("nothing panics while the lock is held");
        if *logged != texts {
            if texts.is_empty() {
                tracing::info!("the database keeps again what it has committed");
            } else {
                tracing::warn!(
                    states = texts.join("; "),
                    "the database can lose callbacks that were answered 200"
                );
            }
            *logged = texts;
        }
        Ok(())
    }
}

/// Each state with a text that says how to end it.
async fn find(connection: &mut PgConnection) -> Result<Vec<(UnsafeState, String)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"
        with tables (id) as (
            select relid from pg_partition_tree('delivery_reports')
            union select relid from pg_partition_tree('inbound_messages')
            -- A table that is not partitioned has no tree.
            union values
                ('delivery_reports'::regclass),
                ('inbound_messages'::regclass),
                ('rejected_callbacks'::regclass)
        ),
        persistence (name, kind) as (
            select id::regclass::text, relpersistence
            from tables
            join pg_class on oid = id
            where relkind = 'r'
        )
        select
            current_setting('fsync') = 'off' as "fsync_off!",
            current_setting('full_page_writes') = 'off' as "full_page_writes_off!",
            coalesce(current_setting('data_sync_retry', true) = 'on', false) as "data_sync_retry!",
            (select string_agg(name, ', ' order by name) from persistence where kind = 'u')
                as unlogged,
            (select string_agg(name, ', ' order by name) from persistence where kind = 't')
                as temporary
        "#
    )
    .fetch_one(connection)
    .await?;
    let setting = |is_unsafe: bool, state, text: &str| is_unsafe.then(|| (state, text.to_owned()));
    let tables =
        |names: Option<String>, state, what| names.map(|names| (state, format!("{what}: {names}")));
    Ok([
        setting(found.fsync_off, UnsafeState::Fsync, "fsync = off"),
        setting(found.full_page_writes_off, UnsafeState::FullPageWrites, "full_page_writes = off"),
        setting(found.data_sync_retry, UnsafeState::DataSyncRetry, "data_sync_retry = on"),
        tables(found.unlogged, UnsafeState::UnloggedTable, "unlogged tables"),
        tables(found.temporary, UnsafeState::TemporaryTable, "temporary tables"),
    ]
    .into_iter()
    .flatten()
    .collect())
}
