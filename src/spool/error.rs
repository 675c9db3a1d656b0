//! What can be wrong with the spool.

use std::io;
use std::path::{Path, PathBuf};

use super::record::EncodeError;

/// The spool can't do what was asked of it. Texts never quote a callback.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Its directory, or a file in it, can't be used.
    #[error("can't use {}; make it writable for this user, or set data_dir (ROUTO_DATA_DIR) to another directory", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by another routo-receiver; stop it, or set data_dir (ROUTO_DATA_DIR) to another directory", path.display())]
    InUse {
        /// The spool's directory.
        path: PathBuf,
    },
    /// A segment of this name is there already.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// As many bytes are in the spool as it may have.
    #[error(
        "the spool is full: it holds the {max_bytes} bytes it may have; raise spool.max_bytes, or bring Postgres back"
    )]
    Full {
        /// The value of `spool.max_bytes`.
        max_bytes: u64,
    },
    /// The system says so, whatever it said before.
    #[error("there is no space left on the disk for {}; make room", path.display())]
    NoSpace {
        /// The file that was to grow.
        path: PathBuf,
    },
    /// The rest of the disk is not for the spool.
    #[error(
        "the disk is full but for {free} bytes, and {min_free_bytes} are kept free (spool.min_free_bytes); make room"
    )]
    DiskFull {
        /// Bytes that are free.
        free: u64,
        /// The value of `spool.min_free_bytes`.
        min_free_bytes: u64,
    },
    /// The disk is smaller than what is to be kept free of it.
    #[error(
        "the disk has {size} bytes, of which {min_free_bytes} are to be kept free: nothing would be left for the spool; lower spool.min_free_bytes, or set data_dir (ROUTO_DATA_DIR) to a directory on another disk"
    )]
    NeverRoom {
        /// Bytes of the disk.
        size: u64,
        /// The value of `spool.min_free_bytes`.
        min_free_bytes: u64,
    },
    /// A file's contents are not what was written.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says, if it was it that found out.
        source: Option<rusqlite::Error>,
    },
    /// Reading or writing a file failed.
    #[error("can't read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// An event has no representation on disk; nothing of its batch was written.
    #[error("can't encode a callback for the spool")]
    Encode(#[from] EncodeError),
    /// What was read could not be passed on.
    #[error("can't write what was read")]
    Output(#[source] io::Error),
}

impl SpoolError {
    pub(super) fn directory(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Directory { path, source }
    }

    /// Sorts what `SQLite` says of a file.
    pub(super) fn of_file(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::InUse { path: path.clone() }
            }
            Some(ErrorCode::DiskFull) => Self::NoSpace { path: path.clone() },
            // An unknown error is what it says of a header it can't make sense of.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
                Self::Damaged { path: path.clone(), source: Some(source) }
            }
            _ => Self::File { path: path.clone(), source },
        }
    }
}
