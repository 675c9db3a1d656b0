//! Errors of the spool.

use std::io;
use std::path::{Path, PathBuf};

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
    #[error("can't read or write {}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// Nothing of the event's batch was written.
    #[error("a callback of {bytes} bytes is too long for the spool")]
    TooLong { bytes: usize },
    #[error("{} is no file of the spool, or all of it is damaged", path.display())]
    NotOurs { path: PathBuf },
    /// Version 0.1.0 kept its spool in databases.
    #[error(
        "{} is a file of the spool of routo-receiver 0.1.0, which this version can't read: move its callbacks to Postgres with `routo-receiver spool drain` of version 0.1.0 first",
        path.display()
    )]
    OldSegment { path: PathBuf },
    #[error("a callback's time can't be exported")]
    Time(#[source] time::error::Format),
    /// The output of an export failed.
    #[error("can't write the exported callbacks")]
    Output(#[source] io::Error),
}

impl SpoolError {
    pub(super) fn directory(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Directory { path, source }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::File { path, source },
        }
    }
}
