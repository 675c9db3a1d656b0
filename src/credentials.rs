//! The account of a first run: generated when none is configured, and kept for later runs.
//!
//! Only the embedded database has one. Nothing here logs or prints it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{
    Account, ConfigError, DatabaseSource, NoAccount, Settings, accounts_of_file, credentials_file,
};

const TEMPORARY_NAME: &str = "credentials.toml.new";
const ACCOUNT: &str = "default";
const USER: &str = "routo";
const SECRET_BYTES: usize = 16;

/// When the credentials were generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// In this run: nobody has seen them yet.
    Now,
    Earlier,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error(
        "{} is damaged: restore it, or remove it to generate new credentials (which must then be \
         registered with the gateway)", path.display()
    )]
    Damaged {
        path: PathBuf,
        /// `None`: the file is valid, but has another account.
        source: Option<ConfigError>,
    },
    #[error("{} cannot be read: check its permissions", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{} cannot be written: check data_dir (ROUTO_DATA_DIR) and its permissions",
        path.display()
    )]
    NotWritten { path: PathBuf, source: io::Error },
}

/// The accounts to serve: those configured. The embedded database has a generated one otherwise.
pub fn accounts_or_generated(
    settings: &Settings,
) -> Result<(Vec<Account>, Option<Generated>), AccountsError> {
    if !settings.accounts.is_empty() {
        return Ok((settings.accounts.clone(), None));
    }
    match settings.database.source() {
        DatabaseSource::External(_) => Err(NoAccount.into()),
        DatabaseSource::Embedded { .. } => {
            let (account, generated) = load_or_generate(&settings.data_dir)?;
            Ok((vec![account], Some(generated)))
        }
    }
}

/// The accounts that a service with these settings has now. Generates none.
pub fn accounts_without_generating(settings: &Settings) -> Result<Vec<Account>, AccountsError> {
    let is_embedded = matches!(settings.database.source(), DatabaseSource::Embedded { .. });
    if !settings.accounts.is_empty() || !is_embedded {
        return Ok(settings.accounts.clone());
    }
    let path = credentials_file(&settings.data_dir);
    match path.try_exists() {
        Ok(true) => Ok(vec![load(path)?]),
        Ok(false) => Ok(Vec::new()),
        Err(source) => Err(CredentialsError::Unreadable { path, source }.into()),
    }
}

/// The account kept in this directory, or a new one, which is on disk when this returns.
///
/// Only one process may use a data directory at a time.
pub fn load_or_generate(data_dir: &Path) -> Result<(Account, Generated), CredentialsError> {
    let path = credentials_file(data_dir);
    match fs::metadata(&path) {
        Ok(_) => Ok((load(path)?, Generated::Earlier)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            keep(data_dir, &path)?;
            // Read back what was written, so that the first run cannot differ from later ones.
            Ok((load(path)?, Generated::Now))
        }
        Err(source) => Err(CredentialsError::Unreadable { path, source }),
    }
}

fn load(path: PathBuf) -> Result<Account, CredentialsError> {
    if let Err(source) = File::open(&path) {
        return Err(CredentialsError::Unreadable { path, source });
    }
    let accounts = match accounts_of_file(&path) {
        Ok(accounts) => accounts,
        Err(source) => return Err(CredentialsError::Damaged { path, source: Some(source) }),
    };
    match <[Account; 1]>::try_from(accounts) {
        Ok([account @ Account { login: Some(_), report_token: Some(_), .. }])
            if account.name.as_str() == ACCOUNT =>
        {
            Ok(account)
        }
        _ => Err(CredentialsError::Damaged { path, source: None }),
    }
}

/// Writes new credentials. The file exists only once it is complete and synced.
fn keep(data_dir: &Path, path: &Path) -> Result<(), CredentialsError> {
    let not_written = |path: &Path| {
        let path = path.to_owned();
        |source| CredentialsError::NotWritten { path, source }
    };
    let temporary = data_dir.join(TEMPORARY_NAME);
    fs::create_dir_all(data_dir).map_err(not_written(data_dir))?;
    write_new(&temporary).map_err(not_written(&temporary))?;
    fs::rename(&temporary, path).map_err(not_written(path))?;
    File::open(data_dir).and_then(|directory| directory.sync_all()).map_err(not_written(data_dir))
}

fn write_new(path: &Path) -> io::Result<()> {
    // An earlier run may have been stopped half-way.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(new_credentials().expose_secret().as_bytes())?;
    file.sync_all()
}

fn new_credentials() -> SecretString {
    format!(
        "# Credentials that routo-receiver made on its first start, as no account was configured.\n\
         # They are used as long as none is. To keep them for good, copy the lines below into your\n\
         # configuration file (routo-receiver.toml). For new ones, remove this file and restart.\n\
         [accounts.{ACCOUNT}]\n\
         user = \"{USER}\"\n\
         password = \"{}\"\n\
         report_token = \"{}\"\n",
        random_secret().expose_secret(),
        random_secret().expose_secret(),
    )
    .into()
}

/// 32 hexadecimal characters from the system's randomness.
fn random_secret() -> SecretString {
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes)).into()
}

#[cfg(test)]
mod tests;
