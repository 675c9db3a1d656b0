//! The account of a first run: made when nobody has configured one, and kept for later runs.
//!
//! It exists only together with the embedded database. It is never logged or printed from here.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{self, Account, ConfigError, DatabaseSource, Login, Settings};

const FILE_NAME: &str = "credentials.toml";
const TEMPORARY_NAME: &str = "credentials.toml.new";
const ACCOUNT: &str = "default";
const USER: &str = "routo";
const SECRET_BYTES: usize = 16;

/// When generated credentials were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// In this run: nobody has seen them yet.
    Now,
    /// In an earlier run.
    Earlier,
}

/// There is no account to serve.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// None is configured, and with a database of its own none is made up.
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    /// One was to be made, or read, and could not be.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// No account is configured. The text says how to configure one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAccount;

impl fmt::Display for NoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no account is configured, so every callback would be refused: set one, for example\n  \
             ROUTO_ACCOUNTS__MAIN__USER=gateway\n  \
             ROUTO_ACCOUNTS__MAIN__PASSWORD=\"$(openssl rand -hex 16)\"\n  \
             ROUTO_ACCOUNTS__MAIN__REPORT_TOKEN=\"$(openssl rand -hex 16)\"",
        )
    }
}

impl std::error::Error for NoAccount {}

/// Generated credentials could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file is there, but it is not what was written.
    #[error(
        "{} is damaged: restore it, or remove it to have new credentials made (which then have to \
         be registered with the gateway)", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, unless it is just not the expected account.
        source: Option<ConfigError>,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: check who may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: check data_dir (ROUTO_DATA_DIR) and who may write to it", path.display())]
    NotWritten {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The accounts to serve: those configured, else a generated one with the embedded database.
pub fn accounts_or_generated(
    settings: &Settings,
) -> Result<(Vec<Account>, Option<Generated>), AccountsError> {
    if !settings.accounts.is_empty() {
        return Ok((settings.accounts.clone(), None));
    }
    match settings.database.source {
        DatabaseSource::External(_) => Err(NoAccount.into()),
        DatabaseSource::Embedded { .. } => {
            let (account, generated) = load_or_generate(&settings.data_dir)?;
            Ok((vec![account], Some(generated)))
        }
    }
}

/// The accounts that the service would have, but for one that it would make up now.
pub fn accounts_without_generating(settings: &Settings) -> Result<Vec<Account>, AccountsError> {
    let is_generated = settings.accounts.is_empty()
        && matches!(settings.database.source, DatabaseSource::Embedded { .. })
        && path(&settings.data_dir).exists();
    if is_generated {
        return Ok(vec![load(path(&settings.data_dir))?]);
    }
    Ok(settings.accounts.clone())
}

/// Where generated credentials are kept.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

/// The account kept in this directory, or a new one, which is on disk when this returns.
///
/// Only one process may use a data directory at a time.
pub fn load_or_generate(data_dir: &Path) -> Result<(Account, Generated), CredentialsError> {
    let path = path(data_dir);
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
    let mut accounts = match config::accounts_of_file(&path) {
        Ok(accounts) => accounts,
        Err(source) => {
            return Err(CredentialsError::Damaged { path, source: Some(source) });
        }
    };
    match (accounts.pop(), accounts.is_empty()) {
        (Some(account @ Account { login: Some(_), report_token: Some(_), .. }), true)
            if account.name.as_str() == ACCOUNT =>
        {
            Ok(account)
        }
        _ => Err(CredentialsError::Damaged { path, source: None }),
    }
}

/// Writes new credentials: whole, on disk and under their name, or not at all.
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
    // What an earlier run left when it was stopped half-way.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let login = Login { user: USER.to_owned(), password: random_secret(), previous_password: None };
    file.write_all(contents(&login, &random_secret()).expose_secret().as_bytes())?;
    file.sync_all()
}

fn contents(login: &Login, report_token: &SecretString) -> SecretString {
    format!(
        "# Credentials that routo-receiver made on its first start, as no account was configured.\n\
         # They are used as long as that is so. To keep them for good, copy the lines below into your\n\
         # configuration file (routo-receiver.toml). To have new ones, remove this file and restart.\n\
         [accounts.{ACCOUNT}]\n\
         user = \"{}\"\n\
         password = \"{}\"\n\
         report_token = \"{}\"\n",
        login.user,
        login.password.expose_secret(),
        report_token.expose_secret(),
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
