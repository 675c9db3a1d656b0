//! `routo-receiver redecode`: reads stored messages again that were read in a wrong charset.

mod arguments;

use crate::config::Settings;
use crate::domain::{Charset, DeclaredCharset, Encoding, EventKey, MessageText};
use crate::escaped::Escaped;
use crate::service::OpenDatabase;
use crate::store::{
    Database, MessageFilter, StoredMessage, StoredMessages, charset_label, charset_of_label,
};
use crate::telemetry;
use crate::wire::{self, text};

use super::CommandError;
use super::encodings::AccountEncodings;
use super::output::{format_time, print_line, print_lines};
use super::progress;

pub(super) use arguments::{DcsFilter, RedecodeArguments};

/// Messages that are read, and changed, at a time.
const PAGE: i64 = 1_000;

/// How many messages a dry run shows.
const SHOWN: u64 = 20;

/// How messages are read again.
enum Reading {
    As(Encoding),
    AsConfigured(AccountEncodings),
}

impl Reading {
    fn of(&mut self, message: &StoredMessage) -> MessageText {
        match self {
            Self::As(encoding) => text::decode(&message.message_raw, *encoding),
            Self::AsConfigured(encodings) => wire::decode_message(
                &message.message_raw,
                message.dcs.as_deref(),
                encodings.of_account(&message.account),
                declared_charset(message),
            ),
        }
    }
}

/// The charset that the request declared, if the message was read in it.
fn declared_charset(message: &StoredMessage) -> Option<DeclaredCharset> {
    match charset_of_label(&message.charset) {
        Some(Charset::Declared(charset)) => Some(charset),
        _ => None,
    }
}

/// Messages so far.
#[derive(Default)]
struct Counts {
    read: u64,
    different: u64,
    changed: u64,
    refused: u64,
}

pub(super) async fn run(
    arguments: &RedecodeArguments,
    settings: &Settings,
) -> Result<(), CommandError> {
    telemetry::start(&settings.log);
    let reading = match arguments.r#as {
        Some(encoding) => Reading::As(encoding),
        None => Reading::AsConfigured(AccountEncodings::of(settings)?),
    };
    let open = OpenDatabase::open_or_share(settings).await?;
    let mut counts = Counts::default();
    let done = redecode(arguments, reading, &open.database, &mut counts).await;
    open.close().await;
    if done.is_err() && counts.read == 0 {
        return done;
    }
    // What was changed stays changed, even if the rest failed.
    done.and(print_counts(&counts, arguments.write))
}

fn print_counts(counts: &Counts, write: bool) -> Result<(), CommandError> {
    let Counts { read, different, changed, refused } = counts;
    if !write {
        print_line(format_args!(
            "{read} messages decoded again, {different} would change; --write changes them"
        ))
    } else if *refused == 0 {
        print_line(format_args!("{read} messages decoded again, {changed} changed"))
    } else {
        print_line(format_args!(
            "{read} messages decoded again, {changed} changed, {refused} refused by Postgres"
        ))
    }
}

async fn redecode(
    arguments: &RedecodeArguments,
    mut reading: Reading,
    database: &Database,
    counts: &mut Counts,
) -> Result<(), CommandError> {
    let mut messages = StoredMessages::open(database, filter(arguments)).await?;
    let progress = progress::counter(None, "messages");
    loop {
        let page = messages.next(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut texts = Vec::new();
        for message in &page {
            counts.read += 1;
            let text = reading.of(message);
            if text.as_str() == message.message && charset_label(&text) == message.charset {
                continue;
            }
            counts.different += 1;
            if !arguments.write && counts.different <= SHOWN {
                progress.suspend(|| print_change(message, &text))?;
            }
            texts.push((EventKey { received_at: message.received_at, id: message.id }, text));
        }
        if arguments.write {
            let outcome = messages.update(&texts).await?;
            counts.changed += outcome.changed;
            counts.refused += outcome.refused.len() as u64;
            for (key, refused) in outcome.refused {
                progress
                    .suspend(|| print_line(format_args!("{} is unchanged: {refused}", key.id)))?;
            }
        }
        progress.inc(page.len() as u64);
    }
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

/// Prints a message before and after. The texts and the dcs are quoted: they may have line breaks.
fn print_change(message: &StoredMessage, text: &MessageText) -> Result<(), CommandError> {
    let at = format_time(message.received_at);
    let dcs = message.dcs.as_deref().unwrap_or("none");
    print_lines(format_args!(
        "{at} {} account {} dcs {dcs:?}\n  before {:<18} {:?}\n  after  {:<18} {:?}",
        message.id,
        Escaped(&message.account),
        Escaped(&message.charset).to_string(),
        message.message,
        charset_label(text),
        text.as_str(),
    ))
}
