//! `routo-receiver redecode`: messages that were read in a wrong charset get their right text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use time::format_description::well_known::Rfc3339;

use crate::cli::RedecodeArguments;
use crate::config::Settings;
use crate::domain::{Encoding, EncodingOverrides, MessageText, Stamp};
use crate::store::{MessageFilter, StoredMessage, StoredMessages};
use crate::telemetry;
use crate::wire::{inbound_message, text};

use super::AppError;
use super::service::OpenDatabase;

/// Messages that are read, and changed, at a time.
const PAGE: i64 = 1_000;

/// How many messages a dry run shows.
const SHOWN: u64 = 20;

/// How messages are read again.
struct Reading<'a> {
    forced: Option<Encoding>,
    overrides: BTreeMap<&'a str, &'a EncodingOverrides>,
}

impl Reading<'_> {
    fn of(&self, message: &StoredMessage) -> MessageText {
        let none = EncodingOverrides::default();
        let overrides = self.overrides.get(message.account.as_str()).copied().unwrap_or(&none);
        let encoding = self
            .forced
            .unwrap_or_else(|| inbound_message::encoding(message.dcs.as_deref(), overrides));
        text::decode(&message.message_raw, encoding)
    }
}

pub(super) async fn run(
    arguments: &RedecodeArguments,
    settings: &Settings,
) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    let open = OpenDatabase::of(settings).await?;
    let done = redecode(arguments, settings, &open).await;
    open.close().await;
    let _ = writeln!(io::stdout(), "{}", done?);
    Ok(())
}

async fn redecode(
    arguments: &RedecodeArguments,
    settings: &Settings,
    open: &OpenDatabase,
) -> Result<String, AppError> {
    let reading = Reading {
        forced: arguments.r#as,
        overrides: settings.accounts.iter().map(|a| (a.name.as_str(), &a.encodings)).collect(),
    };
    let mut messages = StoredMessages::open(&open.database, filter(arguments)).await?;
    let bar = progress_bar();
    let (mut read, mut different, mut changed) = (0, 0, 0);
    loop {
        let page = messages.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        let mut texts = Vec::new();
        for message in &page {
            read += 1;
            let text = reading.of(message);
            if text.as_str() == message.message && text.charset_label() == message.charset {
                continue;
            }
            different += 1;
            if !arguments.write && different <= SHOWN {
                bar.suspend(|| show(message, &text));
            }
            texts.push((Stamp { received_at: message.received_at, id: message.id }, text));
        }
        if arguments.write {
            changed += messages.give(&texts).await?;
        }
        bar.inc(page.len() as u64);
    }
    bar.finish_and_clear();
    Ok(if arguments.write {
        format!("{read} messages read again, {changed} changed")
    } else {
        format!("{read} messages read again, {different} would change; --write changes them")
    })
}

fn filter(arguments: &RedecodeArguments) -> MessageFilter {
    MessageFilter {
        account: arguments.account.clone(),
        charset: arguments.charset.clone(),
        failed: arguments.failed,
        dcs: arguments.dcs.clone(),
        from: arguments.from,
        to: arguments.to,
    }
}

/// A message before and after. Quoted and escaped: it is a stranger's text on somebody's terminal.
fn show(message: &StoredMessage, text: &MessageText) {
    let at = message.received_at.format(&Rfc3339).unwrap_or_default();
    let dcs = message.dcs.as_deref().unwrap_or("none");
    // Nothing to be done about a reader that went away.
    let _ = writeln!(
        io::stdout(),
        "{at} {} account {} dcs {dcs:?}\n  before {:<18} {:?}\n  after  {:<18} {:?}",
        message.id,
        message.account,
        message.charset,
        message.message,
        text.charset_label(),
        text.as_str(),
    );
}

/// Shown on a terminal only. How many there are is not known before they have been read.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} messages, {per_sec}, {elapsed}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
