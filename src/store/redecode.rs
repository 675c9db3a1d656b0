//! Reading stored messages, and giving them another text.

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::domain::{AccountName, EventKey, MessageText};
use crate::metrics::Purpose;

use super::connection::Connection;
use super::error::is_refusal;
use super::timeouts::Timeouts;
use super::{Database, InsertError, StoreError};

/// Before and after all times that a callback can have.
const ALWAYS: (OffsetDateTime, OffsetDateTime) =
    (datetime!(1970-01-01 0:00 UTC), datetime!(9999-01-01 0:00 UTC));

/// Which messages to read; all that nothing here excludes.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Those of this account.
    pub account: Option<AccountName>,
    /// Those with this in the column `charset`.
    pub charset: Option<String>,
    /// Those of which a part could not be read.
    pub failed: bool,
    /// Those with this `dcs`.
    pub dcs: Option<String>,
    /// Those that came without one.
    pub without_dcs: bool,
    /// Those that arrived then or later.
    pub from: Option<OffsetDateTime>,
    /// Those that arrived earlier.
    pub to: Option<OffsetDateTime>,
}

/// A message as it is stored, as far as its text goes.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Time of reception.
    pub received_at: OffsetDateTime,
    /// Its id.
    pub id: Uuid,
    /// Its account.
    pub account: String,
    /// Its data coding scheme, as it arrived.
    pub dcs: Option<String>,
    /// Its text.
    pub message: String,
    /// Its bytes.
    pub message_raw: Vec<u8>,
    /// The charset they were read in.
    pub charset: String,
}

/// The outcome of [`StoredMessages::update_texts`].
#[derive(Debug)]
pub enum UpdateOutcome {
    /// All messages have the new texts; this many had others before.
    Changed(u64),
    /// No message was changed, because Postgres refuses one of the texts.
    Refused(InsertError),
}

/// The stored messages, in the order in which they arrived.
pub struct StoredMessages {
    connection: Connection,
    filter: MessageFilter,
    after: EventKey,
}

impl StoredMessages {
    /// The messages of a database that this program knows all of.
    pub async fn open(database: &Database, filter: MessageFilter) -> Result<Self, StoreError> {
        let connection = by_hand(database).await?;
        let received_at = filter.from.unwrap_or(ALWAYS.0);
        Ok(Self { connection, filter, after: EventKey { received_at, id: Uuid::nil() } })
    }

    /// The next so many; none once there are no more.
    pub async fn next(&mut self, most: i64) -> Result<Vec<StoredMessage>, StoreError> {
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
            most,
        )
        .fetch_all(&mut *self.connection)
        .await
        .map_err(StoreError::Correction)?;
        if let Some(last) = messages.last() {
            self.after = EventKey { received_at: last.received_at, id: last.id };
        }
        Ok(messages)
    }

    /// Replaces the texts of messages, all of them or none.
    pub async fn update_texts(
        &mut self,
        texts: &[(EventKey, MessageText)],
    ) -> Result<UpdateOutcome, StoreError> {
        let times = || texts.iter().map(|(key, _)| key.received_at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return Ok(UpdateOutcome::Changed(0));
        };
        let updated = sqlx::query!(
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
            &texts.iter().map(|(_, text)| text.charset_label()).collect::<Vec<_>>() as &[&str],
            first,
            last,
        )
        .execute(&mut *self.connection)
        .await;
        match updated {
            Ok(done) => Ok(UpdateOutcome::Changed(done.rows_affected())),
            Err(error) if error.as_database_error().is_some_and(is_refusal) => {
                Ok(UpdateOutcome::Refused(error.into()))
            }
            Err(error) => Err(StoreError::Correction(error)),
        }
    }
}

/// A connection for a person's command: to a schema that this program knows all of, and with time for
/// long statements.
pub(super) async fn by_hand(database: &Database) -> Result<Connection, StoreError> {
    let mut connection = database.connect(Purpose::Upkeep).await?;
    database.ensure_current(&mut connection).await?;
    Timeouts::BY_HAND.set(&mut connection).await.map_err(StoreError::Connect)?;
    Ok(connection)
}
