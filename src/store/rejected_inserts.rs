//! Inserts rejected callbacks.

use std::net::IpAddr;

use sqlx::PgConnection;

use crate::domain::RejectedCallback;

use super::rejected_request;

/// Inserts the callbacks in one statement. A row whose key is there already stays. Returns the
/// number of new rows.
pub(super) async fn insert(
    connection: &mut PgConnection,
    callbacks: &[&RejectedCallback],
) -> Result<u64, sqlx::Error> {
    macro_rules! column {
        (|$callback:ident| $value:expr) => {
            &callbacks.iter().map(|$callback| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        r#"
        insert into rejected_callbacks (
            received_at, id, account, kind, reason, request, transport, remote_addr
        )
        select received_at, id, account, kind, reason, request::jsonb, transport, remote_addr
        from unnest(
            $1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::inet[]
        ) as batch (received_at, id, account, kind, reason, request, transport, remote_addr),
        set_config(
            'synchronous_commit',
            case current_setting('synchronous_commit')
                when 'remote_apply' then 'remote_apply' else 'on'
            end,
            true
        )
        on conflict do nothing
        "#,
        column!(|c| c.reception.key.received_at),
        column!(|c| c.reception.key.id),
        column!(|c| c.reception.account.as_str()) as &[&str],
        column!(|c| c.kind.as_str()) as &[&str],
        column!(|c| c.reason.as_str()) as &[&str],
        column!(|c| rejected_request::to_json(c)),
        column!(|c| c.reception.source.transport.as_str()) as &[&str],
        column!(|c| c.reception.source.remote_addr) as &[IpAddr],
    )
    .execute(connection)
    .await
    .map(|done| done.rows_affected())
}
