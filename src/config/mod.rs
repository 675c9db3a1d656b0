//! The configuration: from layers of text to settings that cannot be wrong.
//!
//! The way through: `layers` reads the compiled-in defaults, the file and the environment,
//! drops what is no key, and merges the rest; `reader` turns texts into typed values and remembers
//! where each came from; `sections` and `accounts` build [`Settings`]. Everything that is wrong is
//! collected on the way and comes back at once as a [`ConfigError`].
//!
//! A secret's value never enters a problem, a warning or a report.

mod accounts;
mod environment;
mod expected;
mod keys;
mod layers;
mod origin;
mod postgres_url;
mod problem;
mod reader;
mod report;
mod secret;
mod sections;
mod settings;
mod warning;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use expected::Expected;
pub use layers::{FILE_NAME, Sources};
pub use origin::Origin;
pub use problem::{ConfigError, Problem};
pub use report::report;
pub use settings::{
    Account, AdminSettings, DatabaseSettings, DatabaseSource, Effective, HttpSettings,
    IngestSettings, LogFormat, LogSettings, Login, PartitionSettings, RetentionSettings, Settings,
};
pub use warning::Warning;

use reader::Reader;

impl Settings {
    /// Reads every layer and gives the settings in force, or everything that is wrong with them.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let merged = layers::merge(sources, &mut problems);
        let file_was_lost = problems.iter().any(Problem::is_lost_file);

        let mut reader = Reader::new(merged);
        let settings = sections::read(&mut reader);
        let read = reader.finish();

        // What a lost file might have settled is no problem of its own.
        problems.extend(
            read.problems
                .into_iter()
                .filter(|problem| !(file_was_lost && problem.may_be_settled_elsewhere())),
        );
        match settings {
            Some(settings) if problems.is_empty() => {
                Ok(Self { effective: read.effective, warnings: read.warnings, ..settings })
            }
            _ => Err(ConfigError { problems }),
        }
    }
}

/// Reads the accounts of one file in the shape of the configuration file, and nothing else.
pub(crate) fn accounts_of_file(path: &Path) -> Result<Vec<Account>, ConfigError> {
    let mut problems = Vec::new();
    let merged = layers::one_file(path, &mut problems);
    let mut reader = Reader::new(merged);
    let accounts = accounts::read(&mut reader);
    problems.extend(reader.finish().problems);
    if problems.is_empty() { Ok(accounts) } else { Err(ConfigError { problems }) }
}
