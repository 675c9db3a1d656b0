//! The data directory: one owner at a time, and the small files that persist.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::error::EmbeddedPostgresError;

const PGPASS: &str = "postgres.pgpass";
const PORT: &str = "postgres.port";

/// The data directory, locked for as long as this value lives.
///
/// The kernel releases the lock when this process ends in any way: the file is close-on-exec, so no
/// child inherits the lock.
#[derive(Debug)]
pub(super) struct DataDir {
    root: PathBuf,
    _lock: File,
}

impl DataDir {
    pub(super) fn open(path: &Path) -> Result<Self, EmbeddedPostgresError> {
        fs::create_dir_all(path).map_err(EmbeddedPostgresError::data_dir(path))?;
        let root = fs::canonicalize(path).map_err(EmbeddedPostgresError::data_dir(path))?;
        let lock_path = root.join("postgres.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(EmbeddedPostgresError::data_dir(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(EmbeddedPostgresError::InUse { data_dir: root }),
            Err(TryLockError::Error(source)) => {
                Err(EmbeddedPostgresError::DataDir { path: lock_path, source })
            }
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub(super) fn new_cluster(&self) -> PathBuf {
        self.root.join("postgres.new")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(super) fn pgpass(&self) -> PathBuf {
        self.root.join(PGPASS)
    }

    /// The password, if there is one. It is stored only in the format of `psql`.
    pub(super) fn password(&self) -> Result<Option<SecretString>, EmbeddedPostgresError> {
        password_in(&self.root)
    }

    /// Creates a password of 128 random bits, which is durable on return.
    pub(super) fn make_password(&self) -> Result<SecretString, EmbeddedPostgresError> {
        let password = SecretString::from(format!("{:032x}", rand::random::<u128>()));
        let line =
            SecretString::from(format!("127.0.0.1:*:*:routo:{}\n", password.expose_secret()));
        self.write_private(PGPASS, line.expose_secret())?;
        Ok(password)
    }

    pub(super) fn port(&self) -> Option<u16> {
        port_in(&self.root)
    }

    pub(super) fn remember_port(&self, port: u16) -> Result<(), EmbeddedPostgresError> {
        self.write_private(PORT, &format!("{port}\n"))
    }

    /// Makes renames in this directory durable.
    pub(super) fn sync(&self) -> Result<(), EmbeddedPostgresError> {
        File::open(&self.root)
            .and_then(|directory| directory.sync_all())
            .map_err(EmbeddedPostgresError::data_dir(&self.root))
    }

    /// Atomically replaces a file that only its owner can read.
    fn write_private(&self, name: &str, contents: &str) -> Result<(), EmbeddedPostgresError> {
        let path = self.root.join(name);
        let unfinished = self.root.join(format!("{name}.new"));
        let write = || {
            match fs::remove_file(&unfinished) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file =
                OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?;
            file.write_all(contents.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)
        };
        write().map_err(EmbeddedPostgresError::data_dir(&path))?;
        self.sync()
    }
}

/// The password in a data directory, without its lock.
pub(super) fn password_in(root: &Path) -> Result<Option<SecretString>, EmbeddedPostgresError> {
    let path = root.join(PGPASS);
    let line = match fs::read_to_string(&path) {
        Ok(line) => SecretString::from(line),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(EmbeddedPostgresError::DataDir { path, source }),
    };
    match line.expose_secret().trim_end().rsplit_once(':') {
        Some((_, password)) if is_hex(password) => Ok(Some(password.into())),
        _ => Err(EmbeddedPostgresError::PasswordLost { path }),
    }
}

/// The port in a data directory, without its lock. A port that can't be read is replaced by another.
pub(super) fn port_in(root: &Path) -> Option<u16> {
    let text = fs::read_to_string(root.join(PORT)).ok()?;
    text.trim_end().parse().ok()
}

fn is_hex(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
