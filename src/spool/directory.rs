//! The spool's directory: its lock and the names of its files.
//!
//! Segments are numbered: `0000000001.spool`, … A damaged segment is set aside: it gets the suffix
//! `.damaged`, and is not drained again.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::SpoolError;

/// The ends of the names of segments.
const SEGMENT: &str = ".spool";
const SET_ASIDE: &str = ".spool.damaged";
/// And of those that version 0.1.0 left.
const OLD_SEGMENT: &str = ".sqlite";

/// The directory. Having it does not mean owning it; see [`Directory::lock`].
#[derive(Clone, Debug)]
pub(super) struct Directory(PathBuf);

/// In bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    pub(super) size: u64,
    pub(super) free: u64,
}

impl Directory {
    /// Creates the directory if it is missing, readable only for this user. Its parents stay open for
    /// others, such as the user of an embedded Postgres.
    pub(super) fn make(path: &Path) -> Result<Self, SpoolError> {
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(SpoolError::directory(above))?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(SpoolError::directory(path)(error))
            }
            _ => Ok(Self(path.to_owned())),
        }
    }

    pub(super) fn disk(&self) -> Result<Disk, SpoolError> {
        let disk = rustix::fs::statvfs(&self.0)
            .map_err(|error| SpoolError::directory(&self.0)(error.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Disk { size: bytes(disk.f_blocks), free: bytes(disk.f_bavail) })
    }

    /// Makes this process the owner until the file is dropped or the process ends, however it ends.
    pub(super) fn lock(&self) -> Result<File, SpoolError> {
        let path = self.0.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(SpoolError::directory(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse { path: self.0.clone() }),
            Err(TryLockError::Error(source)) => Err(SpoolError::Directory { path, source }),
        }
    }

    /// Oldest first.
    pub(super) fn segments(&self) -> Result<Vec<PathBuf>, SpoolError> {
        self.numbered_files(SEGMENT)
    }

    pub(super) fn set_aside(&self) -> Result<Vec<PathBuf>, SpoolError> {
        self.numbered_files(SET_ASIDE)
    }

    /// Fails if an older version has left callbacks.
    pub(super) fn check_no_old_segments(&self) -> Result<(), SpoolError> {
        match self.numbered_files(OLD_SEGMENT)?.into_iter().next() {
            Some(path) => Err(SpoolError::OldSegment { path }),
            None => Ok(()),
        }
    }

    /// A name that sorts after all existing ones.
    pub(super) fn next_segment(&self) -> Result<PathBuf, SpoolError> {
        let files = self.files()?;
        let numbers =
            [SEGMENT, SET_ASIDE].map(|end| files.iter().filter_map(|path| number(path, end)).max());
        let last = numbers.into_iter().flatten().max().unwrap_or(0);
        Ok(self.0.join(format!("{:010}{SEGMENT}", last + 1)))
    }

    /// The size of all files, in bytes.
    pub(super) fn bytes(&self) -> Result<u64, SpoolError> {
        Ok(self.files()?.iter().map(|path| bytes_of(path)).sum())
    }

    /// Renames a segment, so that it is kept but not used. Returns the new name.
    pub(super) fn put_aside(&self, segment: &Path) -> Result<PathBuf, SpoolError> {
        let aside = segment.with_extension("spool.damaged");
        fs::rename(segment, &aside).map_err(SpoolError::directory(segment))?;
        sync(&self.0)?;
        Ok(aside)
    }

    /// Regular files with a number and this end, in the order of the numbers. Others are not ours.
    fn numbered_files(&self, end: &str) -> Result<Vec<PathBuf>, SpoolError> {
        let mut files = self.files()?;
        let is_plain = |path: &Path| fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
        files.retain(|path| number(path, end).is_some() && is_plain(path));
        Ok(files)
    }

    /// In the order of their names.
    fn files(&self) -> Result<Vec<PathBuf>, SpoolError> {
        let entries = fs::read_dir(&self.0).map_err(SpoolError::directory(&self.0))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths =
            paths.collect::<io::Result<Vec<_>>>().map_err(SpoolError::directory(&self.0))?;
        paths.sort();
        Ok(paths)
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync(directory: &Path) -> Result<(), SpoolError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(SpoolError::directory(directory))
}

/// Whether the file is a segment that was set aside.
#[must_use]
pub fn is_set_aside(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "damaged")
}

/// 0 for a file that was removed meanwhile.
pub(super) fn bytes_of(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

/// The number of a segment whose name has this end.
fn number(path: &Path, end: &str) -> Option<u64> {
    let number = path.file_name()?.to_str()?.strip_suffix(end)?;
    let is_ours = number.len() == 10 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| number.parse().ok()).flatten()
}
