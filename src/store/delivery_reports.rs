//! Inserting delivery reports.

use std::net::IpAddr;

use sqlx::PgConnection;

use crate::domain::DeliveryReport;

use super::OnConflict;

/// Inserts the reports in one statement. Returns the number of new rows.
pub(super) async fn insert(
    connection: &mut PgConnection,
    on_conflict: OnConflict,
    reports: &[&DeliveryReport],
) -> Result<u64, sqlx::Error> {
    macro_rules! column {
        (|$report:ident| $value:expr) => {
            &reports.iter().map(|$report| $value).collect::<Vec<_>>()
        };
    }
    macro_rules! insert {
        ($on_conflict:literal) => {
            sqlx::query!(
                r#"
                insert into delivery_reports (
                    received_at, id, account, mess_id, number, status, status_code, transport,
                    remote_addr, extra
                )
                select
                    unnest($1::timestamptz[]),
                    unnest($2::uuid[]),
                    unnest($3::text[]),
                    unnest($4::text[]),
                    unnest($5::text[]),
                    unnest($6::text[]),
                    unnest($7::integer[]),
                    unnest($8::text[]),
                    unnest($9::inet[]),
                    unnest($10::text[])::jsonb
                from set_config(
                    'synchronous_commit',
                    case current_setting('synchronous_commit')
                        when 'remote_apply' then 'remote_apply' else 'on'
                    end,
                    true
                )
                "# + $on_conflict,
                column!(|r| r.reception.key.received_at),
                column!(|r| r.reception.key.id),
                column!(|r| r.reception.account.as_str()) as &[&str],
                column!(|r| r.mess_id.as_str()) as &[&str],
                column!(|r| r.number.as_str()) as &[&str],
                column!(|r| r.status.as_str()) as &[&str],
                column!(|r| r.status.code()) as &[Option<i32>],
                column!(|r| r.reception.source.transport.as_str()) as &[&str],
                column!(|r| r.reception.source.remote_addr) as &[IpAddr],
                column!(|r| r.extra.as_json()) as &[&str],
            )
            .execute(connection)
            .await
            .map(|done| done.rows_affected())
        };
    }
    match on_conflict {
        OnConflict::Fail => insert!(""),
        OnConflict::DoNothing => insert!("on conflict do nothing"),
    }
}
