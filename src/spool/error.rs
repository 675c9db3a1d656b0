//! Errors of the spool.

use std::io;
use std::path::{Path, PathBuf};

use super::record::EncodeError;

/// An error of the spool. Texts never quote a callback.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The directory, or a file in it, can't be used.
    #[error("can't use {}; make it writable for this user, or set data_dir (ROUTO_DATA_DIR) to another directory", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("{} is in use by another routo-receiver; stop it, or set data_dir (ROUTO_DATA_DIR) to another directory", path.display())]
    InUse { path: PathBuf },
    #[error("{} exists already", path.display())]
    Exists { path: PathBuf },
    /// The spool has reached `spool.max_bytes`.
    #[error(
        "the spool is full: it has reached its limit of {max_bytes} bytes; raise spool.max_bytes, or bring Postgres back"
    )]
    Full { max_bytes: u64 },
    /// A write failed for lack of space.
    #[error("there is no space left on the disk for {}; make room", path.display())]
    NoSpace { path: PathBuf },
    /// Only the space that `spool.min_free_bytes` reserves is left.
    #[error(
        "the disk is full: {free} bytes are free, and spool.min_free_bytes reserves {min_free_bytes}; make room"
    )]
    DiskFull { free: u64, min_free_bytes: u64 },
    /// The disk is smaller than the space that `spool.min_free_bytes` reserves.
    #[error(
        "the disk has {size} bytes, and spool.min_free_bytes reserves {min_free_bytes}: nothing is left for the spool; lower spool.min_free_bytes, or set data_dir (ROUTO_DATA_DIR) to a directory on another disk"
    )]
    NeverRoom { size: u64, min_free_bytes: u64 },
    #[error("{} is damaged", path.display())]
    Damaged {
        path: PathBuf,
        /// `None` if our own checks found the damage.
        source: Option<rusqlite::Error>,
    },
    #[error("can't read or write {}", path.display())]
    File { path: PathBuf, source: rusqlite::Error },
    /// An event has no representation on disk; nothing of its batch was written.
    #[error("can't encode a callback for the spool")]
    Encode(#[from] EncodeError),
    /// The output of an export failed.
    #[error("can't write the exported callbacks")]
    Output(#[source] io::Error),
}

impl SpoolError {
    pub(super) fn directory(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Directory { path, source }
    }

    /// Classifies an error of `SQLite`.
    pub(super) fn of_file(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::InUse { path: path.clone() }
            }
            Some(ErrorCode::DiskFull) => Self::NoSpace { path: path.clone() },
            // A header that SQLite can't interpret is an unknown error.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
                Self::Damaged { path: path.clone(), source: Some(source) }
            }
            _ => Self::File { path: path.clone(), source },
        }
    }
}
