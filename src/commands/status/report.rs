//! What `status` prints, for people and for programs.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::commands::output::format_time;
use crate::config::Account;
use crate::domain::CallbackKind;
use crate::metrics::previous_credential_last_used;
use crate::store::{CallbackStatus, DatabaseStatus};

/// Beyond it, one of the clocks is wrong: rows get the service's time, retention and `now()` go by the
/// database's.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::MINUTE;

/// Everything that `status` finds out.
pub(super) struct Status {
    /// Empty if all is well.
    pub(super) problems: Vec<String>,
    /// What the service says, or why it does not.
    pub(super) service: Result<String, String>,
    /// `None`: there is none to ask.
    pub(super) database: Option<DatabaseReport>,
    pub(super) spool: SpoolStatus,
    /// `None`: unknown.
    pub(super) rejected_today: Option<i64>,
    pub(super) accounts: Vec<AccountStatus>,
}

pub(super) struct DatabaseReport {
    pub(super) location: String,
    /// `None`: unknown.
    pub(super) state: Option<DatabaseStatus>,
}

pub(super) struct SpoolStatus {
    /// Those of a service that runs may be in Postgres already.
    pub(super) callbacks: u64,
    pub(super) bytes: u64,
    pub(super) oldest: Option<OffsetDateTime>,
    pub(super) in_use: bool,
    pub(super) set_aside: usize,
    pub(super) directory: PathBuf,
}

pub(super) struct AccountStatus {
    name: String,
    /// Of each kind. The outer `None`: unknown; the inner one: none within seven days.
    last: Option<[(CallbackKind, Option<OffsetDateTime>); 2]>,
    /// Previous credentials of the configuration.
    previous: Vec<PreviousCredential>,
}

struct PreviousCredential {
    key: &'static str,
    last_use: LastUse,
}

/// Of a previous credential, as the running service knows it.
enum LastUse {
    /// It does not answer, or does not accept this credential.
    Unknown,
    NotSinceStart,
    At(OffsetDateTime),
}

impl AccountStatus {
    /// `metrics` are those of the running service.
    pub(super) fn new(
        account: &Account,
        callbacks: Option<&CallbackStatus>,
        metrics: Option<&str>,
    ) -> Self {
        let name = account.name.to_string();
        let last = callbacks.map(|callbacks| {
            CallbackKind::ALL.map(|kind| {
                let mut of_account = callbacks.last.iter().filter(|last| last.account == name);
                let last = of_account.find(|last| last.kind == kind.as_str());
                (kind, last.and_then(|last| last.received_at))
            })
        });
        let password = account.login.as_ref().and_then(|login| login.previous_password.as_ref());
        let previous = [
            password.map(|_| "previous_password"),
            account.previous_report_token.as_ref().map(|_| "previous_report_token"),
        ];
        let previous = previous.into_iter().flatten().map(|key| {
            let last_used =
                metrics.and_then(|metrics| previous_credential_last_used(metrics, &name, key));
            let last_use = match last_used {
                None => LastUse::Unknown,
                Some(0) => LastUse::NotSinceStart,
                Some(at) => {
                    OffsetDateTime::from_unix_timestamp(at).map_or(LastUse::Unknown, LastUse::At)
                }
            };
            PreviousCredential { key, last_use }
        });
        Self { previous: previous.collect(), name, last }
    }
}

impl DatabaseReport {
    pub(super) fn problems(&self) -> Vec<String> {
        let Some(state) = &self.state else { return Vec::new() };
        let DatabaseStatus { read_only, fsync, unlogged, clock_difference, .. } = state;
        let mut problems = Vec::new();
        if *read_only {
            problems.push("the database takes no writes".to_owned());
        }
        if !fsync {
            problems.push(
                "fsync is off in the database: a crash of its machine loses what it committed"
                    .to_owned(),
            );
        }
        if !unlogged.is_empty() {
            problems.push(format!(
                "unlogged tables, which a crash of the database empties: {}",
                unlogged.join(", ")
            ));
        }
        if clock_difference.abs() > MAX_CLOCK_DIFFERENCE {
            problems.push(format!("the database's clock is {} off", seconds(*clock_difference)));
        }
        for (table, ahead) in &state.partitions_ahead {
            if *ahead == 0 {
                problems.push(format!("no partition of {table} is ready for the next period"));
            }
        }
        problems
    }
}

impl Status {
    /// Keys are added, never changed: docs/operations.md names them.
    pub(super) fn json(&self) -> Value {
        let Self { problems, service, database, spool, rejected_today, accounts } = self;
        json!({
            "well": problems.is_empty(),
            "problems": problems,
            "service": {
                "ready": service.is_ok(),
                "text": service.as_ref().unwrap_or_else(|why| why),
            },
            "database": database.as_ref().map(DatabaseReport::json),
            "spool": {
                "callbacks": spool.callbacks,
                "bytes": spool.bytes,
                "oldest": spool.oldest.map(format_time),
                "in_use": spool.in_use,
                "set_aside": spool.set_aside,
            },
            "rejected_today": rejected_today,
            "accounts": accounts.iter().map(AccountStatus::json).collect::<Vec<_>>(),
        })
    }
}

impl DatabaseReport {
    fn json(&self) -> Value {
        let state = self.state.as_ref();
        let partitions = |state: &DatabaseStatus| {
            let ahead = state.partitions_ahead.iter();
            ahead.map(|(table, ahead)| ((*table).to_owned(), json!(ahead))).collect::<Map<_, _>>()
        };
        json!({
            "location": self.location,
            "version": state.map(|state| &state.version),
            "read_only": state.map(|state| state.read_only),
            "fsync": state.map(|state| state.fsync),
            "unlogged": state.map(|state| &state.unlogged),
            "clock_difference_seconds": state.map(|state| state.clock_difference.as_seconds_f64()),
            "partitions_ahead": state.map(partitions),
        })
    }
}

impl AccountStatus {
    fn json(&self) -> Value {
        let last = self.last.map(|last| {
            let times =
                last.map(|(kind, at)| (kind.as_str().to_owned(), json!(at.map(format_time))));
            Value::Object(times.into_iter().collect())
        });
        let previous = self.previous.iter().map(PreviousCredential::json).collect::<Vec<_>>();
        json!({ "name": self.name, "last": last, "previous_credentials": previous })
    }
}

impl PreviousCredential {
    fn json(&self) -> Value {
        let (is_used, last_used) = match self.last_use {
            LastUse::Unknown => (None, None),
            LastUse::NotSinceStart => (Some(false), None),
            LastUse::At(at) => (Some(true), Some(format_time(at))),
        };
        json!({ "key": self.key, "used_since_start": is_used, "last_used": last_used })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problems, service, database, spool, rejected_today, accounts } = self;
        if problems.is_empty() {
            writeln!(f, "All is well.\n")?;
        } else {
            writeln!(f, "Problems:")?;
            for problem in problems {
                writeln!(f, "  {problem}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "service     {}", service.as_ref().unwrap_or_else(|why| why))?;
        match database {
            Some(database) => write!(f, "{database}")?,
            None => writeln!(f, "database    none to ask")?,
        }
        writeln!(f, "{spool}")?;
        match rejected_today {
            Some(rejected) => writeln!(f, "rejected    {rejected} since midnight UTC")?,
            None => writeln!(f, "rejected    unknown")?,
        }
        write!(f, "accounts")?;
        for account in accounts {
            write!(f, "\n{account}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DatabaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, state } = self;
        write!(f, "database    {location}")?;
        let Some(state) = state else { return writeln!(f) };
        writeln!(f, "\n            Postgres {}", state.version)?;
        writeln!(f, "            clock {} from this machine's", seconds(state.clock_difference))?;
        let ahead = state.partitions_ahead.iter();
        let ahead: Vec<_> = ahead.map(|(table, ahead)| format!("{ahead} of {table}")).collect();
        writeln!(f, "partitions  ready ahead: {}", ahead.join(", "))
    }
}

impl fmt::Display for SpoolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { callbacks, bytes, oldest, in_use, set_aside, directory } = self;
        let about = if *in_use && *callbacks > 0 { "up to " } else { "" };
        let oldest = oldest.map_or_else(String::new, |at| format!(", oldest {}", format_time(at)));
        write!(
            f,
            "spool       {about}{callbacks} callbacks{oldest}, {bytes} bytes, {set_aside} files set aside in {}",
            directory.display()
        )
    }
}

impl fmt::Display for AccountStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, last, previous } = self;
        write!(f, "  {name}")?;
        match last {
            None => {
                f.write_str("\n    last callbacks: unknown")?;
            }
            Some(last) => {
                for (kind, at) in last {
                    let at = at.map_or_else(|| "none in 7 days".to_owned(), format_time);
                    write!(f, "\n    last {}: {at}", kind.as_str())?;
                }
            }
        }
        for PreviousCredential { key, last_use } in previous {
            write!(f, "\n    {key} is accepted, too; ")?;
            match last_use {
                LastUse::Unknown => f.write_str("last used: unknown")?,
                LastUse::NotSinceStart => f.write_str("not used since the service started")?,
                LastUse::At(at) => write!(f, "last used {}", format_time(*at))?,
            }
        }
        Ok(())
    }
}

fn seconds(difference: Duration) -> String {
    format!("{:+.3} s", difference.as_seconds_f64())
}
