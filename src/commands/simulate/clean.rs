//! `simulate clean`: removes the rows of a run.

use clap::Args;

use crate::commands::CommandError;
use crate::commands::output::print_line;
use crate::config::Settings;
use crate::service::OpenDatabase;
use crate::store::{Database, SimulatedRun, StoreError};

#[derive(Debug, Args)]
pub(crate) struct CleanArguments {
    /// The name of the run, as `simulate` prints it: 8 hexadecimal digits.
    #[arg(value_parser = run_name)]
    run: String,

    /// Remove the rows. Without it, only say how many there are.
    #[arg(long)]
    write: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("a run has 8 hexadecimal digits, such as 019569c8")]
struct NotARun;

pub(super) async fn run(
    arguments: &CleanArguments,
    settings: &Settings,
) -> Result<(), CommandError> {
    let open = OpenDatabase::open_or_share(settings).await?;
    let cleaned = clean(arguments, &open.database).await;
    let location = open.database.location().to_owned();
    open.close().await;
    let SimulatedRun { delivery_reports, inbound_messages, rejected_callbacks } = cleaned?;
    let run = &arguments.run;
    let rows = format!(
        "{delivery_reports} delivery reports, {inbound_messages} inbound messages, {rejected_callbacks} rejected callbacks"
    );
    if arguments.write {
        print_line(format_args!("removed of run {run}: {rows} ({location})"))
    } else {
        print_line(format_args!("run {run}: {rows} ({location}); --write removes them"))
    }
}

async fn clean(
    arguments: &CleanArguments,
    database: &Database,
) -> Result<SimulatedRun, StoreError> {
    if arguments.write {
        SimulatedRun::remove(database, &arguments.run).await
    } else {
        SimulatedRun::count(database, &arguments.run).await
    }
}

fn run_name(text: &str) -> Result<String, NotARun> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == 8 && text.bytes().all(is_digit)).then(|| text.to_owned()).ok_or(NotARun)
}
