//! Inserting delivery reports.

use std::net::IpAddr;

use sqlx::PgConnection;

use crate::domain::DeliveryReport;

use super::Attempt;

/// Inserts the reports in one statement. With [`Attempt::Again`], a row that is there already, by its
/// key, stays.
pub(super) async fn insert(
    connection: &mut PgConnection,
    attempt: Attempt,
    reports: &[&DeliveryReport],
) -> Result<(), sqlx::Error> {
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
            .map(drop)
        };
    }
    match attempt {
        Attempt::First => insert!(""),
        Attempt::Again => insert!("on conflict do nothing"),
    }
}
