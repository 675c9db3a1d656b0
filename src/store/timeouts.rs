//! How long Postgres may take over a statement of this service's, and wait for a lock, by what the
//! connection is for.

use std::time::Duration;

use sqlx::PgConnection;

/// The limits of a connection. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// For a whole statement.
    pub(super) statement: Duration,
    /// For each lock that it waits for.
    pub(super) lock: Duration,
}

impl Timeouts {
    /// For looking after the schema: nobody waits for it, and it asks for no lock that keeps writers
    /// from a table, unless it says so itself.
    pub(super) const UPKEEP: Self =
        Self { statement: Duration::from_secs(20), lock: Duration::from_secs(10) };

    /// For migrations: the work may be long, but while it waits for a lock that readers or writers
    /// conflict with, all who come later wait behind it, other replicas' callbacks among them.
    pub(super) const MIGRATION: Self =
        Self { statement: Duration::from_mins(30), lock: Duration::from_millis(500) };

    /// For a command of a person's, who can stop it: it may read a whole table, but holds nobody up.
    pub(super) const BY_HAND: Self =
        Self { statement: Duration::ZERO, lock: Duration::from_secs(10) };

    /// For building an index concurrently: it waits for whatever else is under way, and keeps nobody.
    pub(super) const INDEX_BUILD: Self = Self { statement: Duration::ZERO, lock: Duration::ZERO };

    /// For writing rows that somebody waits for no longer than `deadline`. A lock is given up a little
    /// before, so that Postgres says that it was one.
    pub(super) fn ingest(deadline: Duration) -> Self {
        Self { statement: deadline, lock: deadline * 9 / 10 }
    }

    /// The same with another limit for locks.
    pub(super) fn with_lock(self, lock: Duration) -> Self {
        Self { lock, ..self }
    }

    /// Puts them in force for the session. By a statement: a pooler may drop what is asked for at the
    /// start of a connection.
    pub(super) async fn set(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            select
                set_config('statement_timeout', $1, false) as statement,
                set_config('lock_timeout', $2, false) as lock
            "#,
            milliseconds(self.statement),
            milliseconds(self.lock),
        )
        .fetch_one(connection)
        .await
        .map(drop)
    }
}

/// Rounded up: what is not zero must not become no limit at all.
fn milliseconds(limit: Duration) -> String {
    limit.as_micros().div_ceil(1_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_a_millisecond_stays_a_limit() {
        assert_eq!(milliseconds(Duration::from_micros(1)), "1");
        assert_eq!(milliseconds(Duration::from_millis(900)), "900");
        assert_eq!(milliseconds(Duration::ZERO), "0");
    }
}
