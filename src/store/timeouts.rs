//! How long Postgres may take for a statement and wait for a lock, by the purpose of a connection.

use std::time::Duration;

use sqlx::PgConnection;

/// The limits of a connection. Zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// For a whole statement.
    pub(super) statement: Duration,
    /// For each lock that the statement waits for.
    pub(super) lock: Duration,
}

impl Timeouts {
    /// Upkeep: no caller waits for it, and it takes no lock that blocks writers unless it shortens this
    /// limit.
    pub(super) const UPKEEP: Self =
        Self { statement: Duration::from_secs(20), lock: Duration::from_secs(10) };

    /// Migrations: the work may take long, but everyone who comes later queues behind a migration that
    /// waits for a table lock, including the callbacks of other replicas.
    pub(super) const MIGRATION: Self =
        Self { statement: Duration::from_mins(30), lock: Duration::from_millis(500) };

    /// A command that a person runs and can interrupt: it may read a whole table, but blocks nobody.
    pub(super) const BY_HAND: Self =
        Self { statement: Duration::ZERO, lock: Duration::from_secs(10) };

    /// Writing rows whose caller waits no longer than `deadline`. The lock limit is a little shorter, so
    /// that Postgres reports a lock as the cause.
    pub(super) fn ingest(deadline: Duration) -> Self {
        Self { statement: deadline, lock: deadline * 9 / 10 }
    }

    pub(super) fn with_lock(self, lock: Duration) -> Self {
        Self { lock, ..self }
    }

    /// Applies the limits to the session. Uses a statement because a pooler may drop startup parameters.
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

/// Rounds up: zero would mean no limit.
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
