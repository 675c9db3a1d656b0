//! Reads stored messages and corrects their texts.

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::domain::{AccountName, EventKey, MessageText};
use crate::metrics::Purpose;

use super::charset_label::charset_label;
use super::connection::Connection;
use super::error::is_refusal;
use super::timeouts::Timeouts;
use super::{Database, InsertError, Isolation, StoreError};

/// Before and after any time that a callback can have.
pub(super) const ALWAYS: (OffsetDateTime, OffsetDateTime) =
    (datetime!(1970-01-01 0:00 UTC), datetime!(9999-01-01 0:00 UTC));

/// Which messages to read: those that meet every condition.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    pub account: Option<AccountName>,
    /// The exact value of the column `charset`.
    pub charset: Option<String>,
    /// Only messages that could not be decoded completely.
    pub failed: bool,
    pub dcs: Option<String>,
    /// Only messages that arrived without `dcs`.
    pub without_dcs: bool,
    /// Inclusive.
    pub from: Option<OffsetDateTime>,
    /// Exclusive.
    pub to: Option<OffsetDateTime>,
}

/// The columns of a message that its text depends on.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub received_at: OffsetDateTime,
    pub id: Uuid,
    pub account: String,
    pub dcs: Option<String>,
    pub message: String,
    pub message_raw: Vec<u8>,
    pub charset: String,
}

/// What an update changed.
#[derive(Debug, Default)]
pub struct UpdateOutcome {
    /// Messages whose text was another one before.
    pub changed: u64,
    /// Messages whose new text Postgres refuses, by a user's constraint for example. They stay as they
    /// were.
    pub refused: Vec<(EventKey, InsertError)>,
}

/// The stored messages, in the order of their arrival.
pub struct StoredMessages {
    connection: Connection,
    filter: MessageFilter,
    after: EventKey,
}

impl StoredMessages {
    /// Requires a schema of exactly this program's version.
    pub async fn open(database: &Database, filter: MessageFilter) -> Result<Self, StoreError> {
        let connection = by_hand(database).await?;
        let received_at = filter.from.unwrap_or(ALWAYS.0);
        Ok(Self { connection, filter, after: EventKey { received_at, id: Uuid::nil() } })
    }

    /// The next messages, `limit` at most; empty at the end.
    pub async fn next(&mut self, limit: i64) -> Result<Vec<StoredMessage>, StoreError> {
        let filter = &self.filter;
        let messages = sqlx::query_as!(
            StoredMessage,
            r#"
            select received_at, id, account, dcs, message, message_raw, charset
            from inbound_messages
            where received_at >= $1
            and received_at < $3
            and (received_at, id) > ($1, $2)
            and ($4::text is null or account = $4)
            and ($5::text is null or charset = $5)
            and ($6::text is null or dcs = $6)
            and (not $7 or dcs is null)
            and (not $8 or charset like '%-failed')
            order by received_at, id
            limit $9
            "#,
            self.after.received_at,
            self.after.id,
            filter.to.unwrap_or(ALWAYS.1),
            filter.account.as_ref().map(AccountName::as_str),
            filter.charset,
            filter.dcs,
            filter.without_dcs,
            filter.failed,
            limit,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Correction)?;
        if let Some(last) = messages.last() {
            self.after = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(messages)
    }

    /// Replaces the texts of messages, but for those that Postgres refuses.
    pub async fn update(
        &mut self,
        texts: &[(EventKey, MessageText)],
    ) -> Result<UpdateOutcome, StoreError> {
        let mut outcome = UpdateOutcome::default();
        let mut isolation = Isolation::of(texts);
        while let Some(part) = isolation.part() {
            match (self.update_all(part).await, part) {
                (Ok(changed), _) => outcome.changed += changed,
                (Err(error), _) if !error.as_database_error().is_some_and(is_refusal) => {
                    return Err(StoreError::Correction(error));
                }
                (Err(error), [(key, _)]) => outcome.refused.push((*key, error.into())),
                (Err(_), _) if isolation.halve() => continue,
                (Err(error), _) => return Err(StoreError::Correction(error)),
            }
            isolation.advance();
        }
        Ok(outcome)
    }

    /// Replaces the texts of all of these messages, or of none. Returns how many were different.
    async fn update_all(&mut self, texts: &[(EventKey, MessageText)]) -> Result<u64, sqlx::Error> {
        let times = || texts.iter().map(|(key, _)| key.received_at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(0) };
        sqlx::query!(
            r#"
            update inbound_messages as stored
            set message = given.message, charset = given.charset
            from (
                select
                    unnest($1::timestamptz[]) as received_at,
                    unnest($2::uuid[]) as id,
                    unnest($3::text[]) as message,
                    unnest($4::text[]) as charset
            ) as given
            where stored.received_at = given.received_at
            and stored.id = given.id
            and stored.received_at between $5 and $6
            and (stored.message, stored.charset) is distinct from (given.message, given.charset)
            "#,
            &times().collect::<Vec<_>>(),
            &texts.iter().map(|(key, _)| key.id).collect::<Vec<_>>(),
            &texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>() as &[&str],
            &texts.iter().map(|(_, text)| charset_label(text)).collect::<Vec<_>>() as &[&str],
            first,
            last,
        )
        .execute(&mut *self.connection)
        .await
        .map(|done| done.rows_affected())
    }
}

/// A connection for a command that a person runs: with time for long statements, to a schema of exactly
/// this program's version.
pub(super) async fn by_hand(database: &Database) -> Result<Connection, StoreError> {
    let mut connection = database.connect(Purpose::Upkeep).await?;
    database.ensure_current(&mut connection).await?;
    Timeouts::BY_HAND.set(&mut connection).await.map_err(StoreError::Connect)?;
    Ok(connection)
}
