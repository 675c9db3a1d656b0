//! The existing partitions, read from the database's catalog.

use sqlx::PgConnection;

use super::period::Bounds;

/// The times that the partitions of a table cover.
pub(super) async fn bounds_of(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Vec<Bounds>, sqlx::Error> {
    // Bounds that `OffsetDateTime` can't hold, such as infinity, count as unbounded.
    sqlx::query_as!(
        Bounds,
        r#"
        select
            case when from_time > '0001-01-01' then from_time end as "from",
            case when to_time < '9999-01-01' then to_time end as "to"
        from callback_partitions
        where table_name = $1
        "#,
        table
    )
    .fetch_all(connection)
    .await
}
