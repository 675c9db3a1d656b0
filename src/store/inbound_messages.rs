//! Inserting inbound messages.

use std::net::IpAddr;

use sqlx::PgConnection;

use crate::domain::{InboundMessage, Text};

use super::OnConflict;
use super::charset_label::charset_label;

/// Inserts the messages in one statement.
pub(super) async fn insert(
    connection: &mut PgConnection,
    on_conflict: OnConflict,
    messages: &[&InboundMessage],
) -> Result<u64, sqlx::Error> {
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
                    unnest($1::timestamptz[]),
                    unnest($2::uuid[]),
                    unnest($3::text[]),
                    unnest($4::text[]),
                    unnest($5::text[]),
                    unnest($6::text[]),
                    unnest($7::text[]),
                    unnest($8::bytea[]),
                    unnest($9::text[]),
                    unnest($10::text[]),
                    unnest($11::inet[]),
                    unnest($12::text[])::jsonb
                from set_config(
                    'synchronous_commit',
                    case current_setting('synchronous_commit')
                        when 'remote_apply' then 'remote_apply' else 'on'
                    end,
                    true
                )
                "# + $on_conflict,
                column!(|m| m.reception.key.received_at),
                column!(|m| m.reception.key.id),
                column!(|m| m.reception.account.as_str()) as &[&str],
                column!(|m| m.org.as_str()) as &[&str],
                column!(|m| m.dest.as_str()) as &[&str],
                column!(|m| m.dcs.as_ref().map(Text::as_str)) as &[Option<&str>],
                column!(|m| m.message.as_str()) as &[&str],
                column!(|m| m.message_raw.as_slice()) as &[&[u8]],
                column!(|m| charset_label(&m.message)) as &[&str],
                column!(|m| m.reception.source.transport.as_str()) as &[&str],
                column!(|m| m.reception.source.remote_addr) as &[IpAddr],
                column!(|m| m.extra.as_json()) as &[&str],
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
