//! `routo-receiver redecode`: messages that were read in a wrong charset get their right text.

use std::fmt;
use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use time::format_description::well_known::Rfc3339;

use crate::cli::{DcsFilter, RedecodeArguments};
use crate::config::Settings;
use crate::domain::{Encoding, EventKey, MessageText};
use crate::store::{MessageFilter, StoredMessage, StoredMessages};
use crate::telemetry;
use crate::wire::{inbound_message, text};

use super::AppError;
use super::encodings::Encodings;
use super::escaped::Escaped;
use super::service::OpenDatabase;

/// Messages that are read, and changed, at a time.
const PAGE: i64 = 1_000;

/// How many messages a dry run shows.
const SHOWN: u64 = 20;

/// How messages are read again.
enum Reading {
    As(Encoding),
    AsToday(Encodings),
}

impl Reading {
    fn of(&mut self, message: &StoredMessage) -> MessageText {
        let encoding = match self {
            Self::As(encoding) => *encoding,
            Self::AsToday(encodings) => {
                let overrides = encodings.of_account(&message.account);
                inbound_message::encoding(message.dcs.as_deref(), overrides)
            }
        };
        text::decode(&message.message_raw, encoding)
    }
}

/// What has been done so far.
#[derive(Default)]
struct Tally {
    read: u64,
    different: u64,
    changed: u64,
    refused: u64,
}

pub(super) async fn run(
    arguments: &RedecodeArguments,
    settings: &Settings,
) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    let reading = match arguments.r#as {
        Some(encoding) => Reading::As(encoding),
        None => Reading::AsToday(Encodings::of(settings)?),
    };
    let open = OpenDatabase::of(settings).await?;
    let mut tally = Tally::default();
    let done = redecode(arguments, reading, &open, &mut tally).await;
    open.close().await;
    let Tally { read, different, changed, refused } = tally;
    if done.is_err() && read == 0 {
        // Nothing was done that could be told.
    } else if !arguments.write {
        say(format_args!(
            "{read} messages read again, {different} would change; --write changes them"
        ));
    } else if refused == 0 {
        say(format_args!("{read} messages read again, {changed} changed"));
    } else {
        say(format_args!(
            "{read} messages read again, {changed} changed, {refused} refused by Postgres"
        ));
    }
    done
}

async fn redecode(
    arguments: &RedecodeArguments,
    mut reading: Reading,
    open: &OpenDatabase,
    tally: &mut Tally,
) -> Result<(), AppError> {
    let mut messages = StoredMessages::open(&open.database, filter(arguments)).await?;
    let bar = progress_bar();
    loop {
        let page = messages.next(PAGE).await?;
        if page.is_empty() {
            break;
        }
        let mut texts = Vec::new();
        for message in &page {
            tally.read += 1;
            let text = reading.of(message);
            if text.as_str() == message.message && text.charset_label() == message.charset {
                continue;
            }
            tally.different += 1;
            if !arguments.write && tally.different <= SHOWN {
                bar.suspend(|| show(message, &text));
            }
            texts.push((EventKey { received_at: message.received_at, id: message.id }, text));
        }
        if arguments.write {
            let outcome = messages.update(&texts).await?;
            tally.changed += outcome.changed;
            tally.refused += outcome.refused.len() as u64;
            for (key, refused) in outcome.refused {
                bar.suspend(|| say(format_args!("{} stays: {}", key.id, Escaped(refused))));
            }
        }
        bar.inc(page.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

fn filter(arguments: &RedecodeArguments) -> MessageFilter {
    let (dcs, without_dcs) = match &arguments.dcs {
        Some(DcsFilter::Is(dcs)) => (Some(dcs.clone()), false),
        Some(DcsFilter::Missing) => (None, true),
        None => (None, false),
    };
    MessageFilter {
        account: arguments.account.clone(),
        charset: arguments.charset.clone(),
        failed: arguments.failed,
        dcs,
        without_dcs,
        from: arguments.from,
        to: arguments.to,
    }
}

/// A message before and after. Quoted and escaped: it is a stranger's text on somebody's terminal.
fn show(message: &StoredMessage, text: &MessageText) {
    let at = message.received_at.format(&Rfc3339).unwrap_or_default();
    let dcs = message.dcs.as_deref().unwrap_or("none");
    say(format_args!(
        "{at} {} account {} dcs {dcs:?}\n  before {:<18} {:?}\n  after  {:<18} {:?}",
        message.id,
        message.account,
        message.charset,
        message.message,
        text.charset_label(),
        text.as_str(),
    ));
}

fn say(line: impl fmt::Display) {
    // Nothing to be done about a reader that went away.
    let _ = writeln!(io::stdout(), "{line}");
}

/// Shown on a terminal only. How many there are is not known before they have been read.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} messages, {per_sec}, {elapsed}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
