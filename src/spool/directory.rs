//! The spool's directory: its lock and the names of its files.
//!
//! Segments are numbered: `0000000001.sqlite`, … A damaged segment is set aside: it gets the suffix
//! `.damaged`, and is not drained again.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use super::salvage::log_of;

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
        let mut files = self.files_ending_in(".sqlite")?;
        // Other files are not ours.
        files.retain(|path| number(path).is_some() && path.is_file());
        Ok(files)
    }

    pub(super) fn set_aside(&self) -> Result<Vec<PathBuf>, SpoolError> {
        self.files_ending_in(".damaged")
    }

    /// A name that sorts after all existing ones.
    pub(super) fn next_segment(&self) -> Result<PathBuf, SpoolError> {
        let last = self.files_ending_in("")?.iter().filter_map(|path| number(path)).max();
        Ok(self.0.join(format!("{:010}.sqlite", last.unwrap_or(0) + 1)))
    }

    /// The size of all files, in bytes.
    pub(super) fn bytes(&self) -> Result<u64, SpoolError> {
        self.files_ending_in("")?.iter().try_fold(0, |sum, path| Ok(sum + bytes_of(path)))
    }

    /// Renames a segment and its log, so that they are kept but not used. Returns the new name.
    pub(super) fn put_aside(&self, segment: &Path) -> Result<PathBuf, SpoolError> {
        let aside = segment.with_extension("sqlite.damaged");
        let log = log_of(segment);
        if log.exists() {
            fs::rename(&log, log_of(&aside)).map_err(SpoolError::directory(&log))?;
        }
        fs::rename(segment, &aside).map_err(SpoolError::directory(segment))?;
        self.sync()?;
        Ok(aside)
    }

    fn sync(&self) -> Result<(), SpoolError> {
        File::open(&self.0)
            .and_then(|directory| directory.sync_all())
            .map_err(SpoolError::directory(&self.0))
    }

    fn files_ending_in(&self, end: &str) -> Result<Vec<PathBuf>, SpoolError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(SpoolError::directory(&self.0))? {
            let path = entry.map_err(SpoolError::directory(&self.0))?.path();
            if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether the file is a segment that was set aside.
#[must_use]
pub fn is_set_aside(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "damaged")
}

/// The size of a segment with its log, in bytes; 0 for one that was removed meanwhile.
pub(super) fn bytes_with_log(segment: &Path) -> u64 {
    bytes_of(segment) + bytes_of(&log_of(segment))
}

fn bytes_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The number of a segment, or of one that was set aside.
fn number(path: &Path) -> Option<u64> {
    let (number, rest) = path.file_name()?.to_str()?.split_once('.')?;
    let is_ours = number.len() == 10 && matches!(rest, "sqlite" | "sqlite.damaged");
    is_ours.then(|| number.parse().ok()).flatten()
}
