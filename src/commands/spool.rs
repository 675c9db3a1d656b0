//! `routo-receiver spool`: what is in the spool, and getting it out.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use time::format_description::well_known::Rfc3339;

use crate::config::Settings;
use crate::service::{database_at, database_of, spool_options};
use crate::spool::{self, Contents, Spool, SpoolError, SurveyedFile};
use crate::{ingest, telemetry};

use super::AppError;
use super::cli::SpoolCommand;

pub(super) async fn run(command: &SpoolCommand, settings: &Settings) -> Result<(), AppError> {
    match command {
        SpoolCommand::Status => status(&spool_options(settings).directory),
        SpoolCommand::Drain => drain(settings).await,
        SpoolCommand::Export { file: Some(file) } => export(std::slice::from_ref(file)),
        SpoolCommand::Export { file: None } => {
            let files = spool::survey(&spool_options(settings).directory)?;
            let whole = files.into_iter().filter(|file| !is_aside(&file.path));
            export(&whole.map(|file| file.path).collect::<Vec<_>>())
        }
    }
}

fn status(directory: &Path) -> Result<(), AppError> {
    let files = spool::survey(directory)?;
    let mut out = io::stdout().lock();
    // Nothing to be done about a reader that went away.
    let _ = writeln!(out, "{}", total(&files, directory));
    for file in &files {
        let _ = writeln!(out, "{}", line(file));
    }
    Ok(())
}

fn total(files: &[SurveyedFile], directory: &Path) -> String {
    let callbacks: u64 = files.iter().map(|file| file.callbacks).sum();
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let oldest = files.iter().filter_map(|file| file.oldest).min();
    let in_use = files.iter().any(|file| file.contents == Contents::InUse);
    let (about, running) = if in_use { ("up to ", "; a service is running") } else { ("", "") };
    let oldest = oldest.and_then(|oldest| oldest.format(&Rfc3339).ok());
    format!(
        "{about}{callbacks} callbacks, {bytes} bytes, oldest {} in {}{running}",
        oldest.as_deref().unwrap_or("-"),
        directory.display()
    )
}

fn line(file: &SurveyedFile) -> String {
    let note = match file.contents {
        _ if is_aside(&file.path) => "set aside: all that Postgres takes of it is there",
        Contents::Whole => "waits for the service, or for `spool drain`",
        Contents::InUse => "in use; some of it may be in Postgres already",
        Contents::Closed => "can't be opened; who may read it?",
        Contents::Damaged => "damaged; the callbacks counted are whole",
    };
    format!(
        "  {}: {} callbacks, {} bytes ({note})",
        file.path.display(),
        file.callbacks,
        file.bytes
    )
}

fn is_aside(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "damaged")
}

async fn drain(settings: &Settings) -> Result<(), AppError> {
    telemetry::start(&settings.log);
    let options = spool_options(settings);
    let spool = Arc::new(Spool::open(options.clone())?);
    let before = spool::survey(&options.directory)?;
    let waiting = |files: &[SurveyedFile]| -> u64 {
        files.iter().filter(|file| !is_aside(&file.path)).map(|file| file.callbacks).sum()
    };
    let callbacks = waiting(&before);
    let (url, local) = database_of(settings).await?;
    let bar = progress_bar(callbacks);
    let moved = async {
        let database = database_at(&url, settings.database.migrate_on_start, settings)?;
        ingest::drain(database, spool, |rows| bar.inc(rows)).await?;
        Ok::<(), AppError>(())
    }
    .await;
    bar.finish_and_clear();
    if let Some(local) = local {
        local.stop().await;
    }
    moved?;
    let after = spool::survey(&options.directory)?;
    let aside = |files: &[SurveyedFile]| files.iter().filter(|file| is_aside(&file.path)).count();
    let (left, set_aside) = (after.len() - aside(&after), aside(&after) - aside(&before));
    if left > 0 || set_aside > 0 {
        return Err(AppError::NotDrained { left, set_aside });
    }
    let _ = writeln!(io::stdout(), "{callbacks} callbacks of the spool are in Postgres");
    Ok(())
}

/// Shown on a terminal only.
fn progress_bar(callbacks: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {pos} of {len} callbacks, {per_sec}, {eta} to go");
    ProgressBar::new(callbacks).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn export(files: &[impl AsRef<Path>]) -> Result<(), AppError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for file in files {
        spool::export(file.as_ref(), |line| writeln!(out, "{line}"))?;
    }
    out.flush().map_err(|error| SpoolError::Output(error).into())
}
