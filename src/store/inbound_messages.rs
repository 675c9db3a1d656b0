//! Inserting inbound messages.

use sqlx::PgConnection;

use crate::domain::{InboundMessage, Text};

use super::Attempt;

/// Inserts the messages in one statement. With [`Attempt::Again`], a row that is there already, by its
/// stamp, stays.
pub(super) async fn insert(
    connection: &mut PgConnection,
    attempt: Attempt,
    messages: &[&InboundMessage],
) -> Result<(), sqlx::Error> {
    macro_rules! column {
        (|$message:ident| $value:expr) => {
            &messages.iter().map(|$message| $value).collect::<Vec<_>>()
        };
    }
    macro_rules! insert {
        ($on_conflict:literal) => {
            sqlx::query!(
                r#"
                insert into inbound_messages (
                    received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
                    remote_addr, extra
                )
                select
                    received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
                    remote_addr::inet, extra::jsonb
                from unnest(
                    $1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                    $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[], $12::text[]
                ) as batch (
                    received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
                    remote_addr, extra
                )
                "# + $on_conflict,
                column!(|m| m.reception.stamp.received_at),
                column!(|m| m.reception.stamp.id),
                column!(|m| m.reception.account.as_str()) as &[&str],
                column!(|m| m.org.as_str()) as &[&str],
                column!(|m| m.dest.as_str()) as &[&str],
                column!(|m| m.dcs.as_ref().map(Text::as_str)) as &[Option<&str>],
                column!(|m| m.message.as_str()) as &[&str],
                column!(|m| m.message_raw.as_slice()) as &[&[u8]],
                column!(|m| m.message.charset_label()) as &[&str],
                column!(|m| m.reception.transport.as_str()) as &[&str],
                column!(|m| m.reception.remote_addr.to_string()),
                column!(|m| m.extra.as_json()) as &[&str],
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
