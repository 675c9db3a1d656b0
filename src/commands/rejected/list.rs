//! `rejected list`.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use crate::commands::CommandError;
use crate::commands::output::{format_time, print_line};
use crate::store::{Database, RejectedFilter, StoredRejected, StoredRejections};

use super::{PAGE, all_were_found};

pub(super) async fn run(
    filter: RejectedFilter,
    json: bool,
    database: &Database,
) -> Result<(), CommandError> {
    let mut missing = BTreeSet::from_iter(filter.ids.clone());
    let mut rejections = StoredRejections::open(database.clone(), filter).await?;
    loop {
        let page = rejections.next(PAGE).await?;
        if page.is_empty() {
            return all_were_found(missing);
        }
        for rejected in page {
            missing.remove(&rejected.id);
            if json {
                print_line(as_json(&rejected))?;
            } else {
                print_line(Line(&rejected))?;
            }
        }
    }
}

/// A rejected callback for people.
struct Line<'a>(&'a StoredRejected);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoredRejected { id, received_at, account, kind, reason, replayed_at, .. } = self.0;
        write!(f, "{} {id} {account} {kind}: {reason}", format_time(*received_at))?;
        if replayed_at.is_some() {
            f.write_str(" (replayed)")?;
        }
        Ok(())
    }
}

/// A rejected callback for programs.
fn as_json(rejected: &StoredRejected) -> Value {
    let request: Value =
        serde_json::from_str(&rejected.request).expect("a jsonb column is valid JSON");
    json!({
        "received_at": format_time(rejected.received_at),
        "id": rejected.id,
        "account": rejected.account,
        "kind": rejected.kind,
        "reason": rejected.reason,
        "request": request,
        "transport": rejected.transport,
        "remote_addr": rejected.remote_addr,
        "replayed_at": rejected.replayed_at.map(format_time),
    })
}
