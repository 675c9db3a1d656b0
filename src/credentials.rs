//! The account of a first run: generated when none is configured, kept for later runs, and valid
//! beside accounts that are configured later.
//!
//! Only the embedded database has one. Nothing here logs or prints its secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{
    Account, ConfigError, NoAccount, Settings, accounts_of_file, credentials_file,
};
use crate::domain::AccountName;

const TEMPORARY_NAME: &str = "credentials.toml.new";
const ACCOUNT: &str = "default";
const USER: &str = "routo";
const SECRET_BYTES: usize = 16;

/// The accounts that a service has.
#[derive(Debug)]
pub struct ServedAccounts {
    /// Sorted by name.
    pub accounts: Vec<Account>,
    /// The one among them that was generated.
    pub generated: Option<Generated>,
    /// Why a generated account in the data directory is not among them.
    pub unused: Option<Unused>,
}

impl ServedAccounts {
    #[must_use]
    pub fn generated_account(&self) -> Option<&Account> {
        let generated = self.generated.as_ref()?;
        self.accounts.iter().find(|account| account.name == generated.name)
    }
}

/// The generated account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    pub name: AccountName,
    /// Whether it was generated in this run, so that nobody has seen its credentials yet.
    pub now: bool,
}

/// Why a generated account is not in use. The text says how to keep it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unused {
    #[error(
        "the generated account in {} is not in use, because account {by} has its name, user or \
         report token; to use both, give account {by} another name, user and token", path.display()
    )]
    Replaced { path: PathBuf, by: AccountName },
    #[error(
        "the generated account in {} is not in use, because database.url is set; to keep it, copy \
         its lines into the configuration", path.display()
    )]
    OtherDatabase { path: PathBuf },
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

/// The accounts to serve: those that are configured, and the generated one of the embedded database.
/// If there is none at all, one is generated.
pub fn accounts_or_generated(settings: &Settings) -> Result<ServedAccounts, AccountsError> {
    let served = accounts_without_generating(settings)?;
    if !served.accounts.is_empty() {
        return Ok(served);
    }
    if !settings.database.is_embedded() {
        return Err(NoAccount.into());
    }
    let (account, now) = load_or_generate(&settings.data_dir)?;
    let generated = Some(Generated { name: account.name.clone(), now });
    Ok(ServedAccounts { accounts: vec![account], generated, unused: None })
}

/// The accounts that a service with these settings has now. Generates none.
pub fn accounts_without_generating(settings: &Settings) -> Result<ServedAccounts, AccountsError> {
    let mut accounts = settings.accounts.clone();
    let path = credentials_file(&settings.data_dir);
    let is_embedded = settings.database.is_embedded();
    let (generated, unused) = match path.try_exists() {
        Ok(true) if is_embedded => {
            let account = load(path.clone())?;
            if let Some(by) = accounts.iter().find(|configured| replaces(configured, &account)) {
                (None, Some(Unused::Replaced { path, by: by.name.clone() }))
            } else {
                let generated = Generated { name: account.name.clone(), now: false };
                accounts.push(account);
                (Some(generated), None)
            }
        }
        Ok(true) => (None, Some(Unused::OtherDatabase { path })),
        Err(source) if is_embedded => {
            return Err(CredentialsError::Unreadable { path, source }.into());
        }
        _ => (None, None),
    };
    accounts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(ServedAccounts { accounts, generated, unused })
}

/// Whether a configured account has what identifies the generated one.
fn replaces(configured: &Account, generated: &Account) -> bool {
    fn user(account: &Account) -> Option<&str> {
        account.login.as_ref().map(|login| login.user.as_str())
    }
    let is_token = |token: &Option<SecretString>| match (token, &generated.report_token) {
        (Some(one), Some(other)) => one.expose_secret() == other.expose_secret(),
        _ => false,
    };
    configured.name == generated.name
        || user(configured) == user(generated)
        || is_token(&configured.report_token)
        || is_token(&configured.previous_report_token)
}

/// The account kept in this directory, or a new one, which is on disk when this returns.
///
/// Whether it is new comes with it. Only one process may use a data directory at a time.
fn load_or_generate(data_dir: &Path) -> Result<(Account, bool), CredentialsError> {
    let path = credentials_file(data_dir);
    match fs::metadata(&path) {
        Ok(_) => Ok((load(path)?, false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            keep(data_dir, &path)?;
            // Read back what was written, so that the first run cannot differ from later ones.
            Ok((load(path)?, true))
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
         # They are valid as long as this file is here and the embedded database is used, also\n\
         # beside accounts that you configure. For a database of your own, copy the lines below into\n\
         # your configuration file (routo-receiver.toml). For new ones, remove this file and restart.\n\
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
