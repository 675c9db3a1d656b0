//! `routo-receiver spool`: inspects, exports and drains the spool.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use crate::config::Settings;
use crate::escaped::Escaped;
use crate::ingest;
use crate::service::{OpenDatabase, spool_options};
use crate::spool::{self, Contents, Spool, SpoolError, SurveyedFile};
use crate::telemetry;

use super::CommandError;
use super::output::{format_time, print_line};
use super::progress;

#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Print how many callbacks are in it, how many bytes, and how old the oldest is.
    Status,
    /// Move its callbacks to the configured database, while the service is not running.
    Drain,
    /// Print its callbacks as lines of JSON, and leave them in it.
    Export {
        /// A file of the spool, such as one that was set aside [default: all that were not].
        file: Option<PathBuf>,
    },
}

pub(super) async fn run(command: &SpoolCommand, settings: &Settings) -> Result<(), CommandError> {
    match command {
        SpoolCommand::Status => status(&spool_options(settings).directory),
        SpoolCommand::Drain => drain(settings).await,
        SpoolCommand::Export { file: Some(file) } => export(std::slice::from_ref(file)),
        SpoolCommand::Export { file: None } => {
            let files = spool::survey(&spool_options(settings).directory)?;
            let waiting = files.into_iter().filter(|file| !spool::is_set_aside(&file.path));
            export(&waiting.map(|file| file.path).collect::<Vec<_>>())
        }
    }
}

fn status(directory: &Path) -> Result<(), CommandError> {
    let files = spool::survey(directory)?;
    print_line(total(&files, directory))?;
    for file in &files {
        print_line(line(file))?;
    }
    Ok(())
}

fn total(files: &[SurveyedFile], directory: &Path) -> String {
    let callbacks: u64 = files.iter().map(|file| file.callbacks).sum();
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let oldest = files.iter().filter_map(|file| file.oldest).min();
    let in_use = files.iter().any(|file| file.contents == Contents::InUse);
    let (about, running) = if in_use { ("up to ", "; a service is running") } else { ("", "") };
    format!(
        "{about}{callbacks} callbacks, {bytes} bytes, oldest {} in {}{running}",
        oldest.map_or_else(|| "-".to_owned(), format_time),
        directory.display()
    )
}

fn line(file: &SurveyedFile) -> String {
    let note = match file.contents {
        _ if spool::is_set_aside(&file.path) => {
            "set aside; everything that Postgres accepts from it is stored"
        }
        Contents::Whole => "waiting for the service, or for `spool drain`",
        Contents::InUse => "in use; some of it may be in Postgres already",
        Contents::Closed => "can't be opened: check its permissions",
        Contents::NotOurs => "not a file of the spool, or all of it is damaged; it is left alone",
        Contents::Damaged => "damaged; only the readable callbacks are counted",
    };
    format!(
        "  {}: {} callbacks, {} bytes ({note})",
        file.path.display(),
        file.callbacks,
        file.bytes
    )
}

async fn drain(settings: &Settings) -> Result<(), CommandError> {
    telemetry::start(&settings.log);
    let options = spool_options(settings);
    let spool = Arc::new(Spool::open(options.clone())?);
    let before = spool::survey(&options.directory)?;
    let waiting = before.iter().filter(|file| !spool::is_set_aside(&file.path));
    let callbacks = waiting.map(|file| file.callbacks).sum();
    let open = OpenDatabase::open(settings, settings.database.migrate_on_start).await?;
    let progress = progress::counter(Some(callbacks), "callbacks");
    let drained = ingest::drain(open.database.clone(), spool, |moved| progress.inc(moved)).await;
    drop(progress);
    open.close().await;
    drained?;
    let after = spool::survey(&options.directory)?;
    let set_aside = |files: &[SurveyedFile]| {
        files.iter().filter(|file| spool::is_set_aside(&file.path)).count()
    };
    let is_left = |file: &&SurveyedFile| {
        file.contents != Contents::NotOurs && !spool::is_set_aside(&file.path)
    };
    let left = after.iter().filter(is_left).count();
    let set_aside = set_aside(&after).saturating_sub(set_aside(&before));
    if left > 0 || set_aside > 0 {
        return Err(CommandError::NotDrained { left, set_aside });
    }
    print_line(format_args!("moved {callbacks} callbacks from the spool to Postgres"))
}

/// Unlike the other commands, fails if its reader closes the pipe: an export that was cut off is
/// not an export.
fn export(files: &[impl AsRef<Path>]) -> Result<(), CommandError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for file in files {
        spool::export(file.as_ref(), |line| writeln!(out, "{}", Escaped(line)))?;
    }
    out.flush().map_err(|error| SpoolError::Output(error).into())
}
