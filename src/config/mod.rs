//! The configuration: from layers of text to settings that cannot be wrong.
//!
//! `layers` reads the compiled-in defaults, the file and the environment, sorts out unknown keys, and
//! merges the rest. `settings` and `accounts` declare the keys, each with the `kinds` of value that
//! it takes. `reader` turns texts into values and records where each comes from. Every problem is
//! collected on the way; all of them come back at once as a [`ConfigError`].
//!
//! The value of a secret never enters a problem, a warning or a report.

mod accounts;
mod environment;
mod keys;
mod kinds;
mod layers;
mod origin;
mod postgres_url;
mod problem;
mod reader;
mod report;
mod rules;
mod section;
mod settings;
mod warning;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use accounts::{Account, Login, NoAccount};
pub use layers::{FILE_NAME, Sources};
pub use origin::Origin;
pub use problem::{ConfigError, Problem};
pub use reader::Effective;
pub use report::report;
pub use settings::{
    AdminSettings, DatabaseSettings, DatabaseSource, HttpSettings, IngestSettings, LogFormat,
    LogSettings, PartitionSettings, RetentionSettings, Settings, SpoolSettings, TlsSettings,
    credentials_file,
};
pub use warning::Warning;

use reader::Reader;

impl Settings {
    /// Reads every layer.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of them.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let merged = layers::merge(sources, &mut problems);
        let file_is_lost = problems.iter().any(Problem::is_lost_file);

        let mut reader = Reader::new(merged);
        let settings = read_settings(&mut reader);
        reader.problems.retain(|problem| !(file_is_lost && problem.may_be_due_to_a_lost_file()));
        problems.append(&mut reader.problems);
        settings.filter(|_| problems.is_empty()).ok_or(ConfigError { problems })
    }
}

/// Reads every section, even after a problem. `None` only with a problem noted.
fn read_settings(reader: &mut Reader) -> Option<Settings> {
    let data_dir = reader.read("data_dir", &kinds::directory());
    let http = HttpSettings::read(reader, "http");
    let tls = TlsSettings::read(reader, "http.tls");
    let admin = AdminSettings::read(reader, "admin");
    let database = DatabaseSettings::read(reader, "database");
    let accounts = accounts::read(reader);
    let ingest = IngestSettings::read(reader, "ingest");
    let spool = SpoolSettings::read(reader, "spool");
    let partitions = PartitionSettings::read(reader, "partitions");
    let retention = RetentionSettings::read(reader, "retention");
    let log = LogSettings::read(reader, "log");

    rules::check_tls(reader, tls.as_ref());
    rules::check(reader, http.as_ref(), admin.as_ref(), ingest.as_ref(), spool.as_ref());
    Some(Settings {
        data_dir: data_dir?,
        http: http?,
        tls: tls?,
        admin: admin?,
        database: database?,
        accounts,
        ingest: ingest?,
        spool: spool?,
        partitions: partitions?,
        retention: retention?,
        log: log?,
        warnings: std::mem::take(&mut reader.warnings),
        effective: std::mem::take(&mut reader.effective),
    })
}

/// Reads the accounts of one file, and nothing else.
pub(crate) fn accounts_of_file(path: &Path) -> Result<Vec<Account>, ConfigError> {
    let mut problems = Vec::new();
    let mut reader = Reader::new(layers::one_file(path, &mut problems));
    let accounts = accounts::read(&mut reader);
    problems.append(&mut reader.problems);
    if problems.is_empty() { Ok(accounts) } else { Err(ConfigError { problems }) }
}
