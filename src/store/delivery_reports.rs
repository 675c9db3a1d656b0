//! Inserting delivery reports.

use sqlx::PgConnection;

use crate::domain::DeliveryReport;

use super::Attempt;

/// Inserts the reports in one statement. With [`Attempt::Again`], a row that is there already, by its
/// stamp, stays.
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
                    received_at, id, account, mess_id, number, status, status_code, transport,
                    remote_addr::inet, extra::jsonb
                from unnest(
                    $1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                    $7::integer[], $8::text[], $9::text[], $10::text[]
                ) as batch (
                    received_at, id, account, mess_id, number, status, status_code, transport,
                    remote_addr, extra
                )
                "# + $on_conflict,
                column!(|r| r.reception.stamp.received_at),
                column!(|r| r.reception.stamp.id),
                column!(|r| r.reception.account.as_str()) as &[&str],
                column!(|r| r.mess_id.as_str()) as &[&str],
                column!(|r| r.number.as_str()) as &[&str],
                column!(|r| r.status.as_str()) as &[&str],
                column!(|r| r.status.code()) as &[Option<i32>],
                column!(|r| r.reception.transport.as_str()) as &[&str],
                column!(|r| r.reception.remote_addr.to_string()),
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
