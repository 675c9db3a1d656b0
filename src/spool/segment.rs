//! A file of records: an `SQLite` database with a write-ahead log, for one process at a time.
//!
//! Why its settings: `synchronous = full` syncs the log at every commit; `locking_mode = exclusive` keeps
//! other processes out without shared memory; pages of 32 KiB keep all but the largest records in one
//! piece, so that they can be found in a damaged file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::error::SpoolError;
use super::log::log_is_whole;
use super::record::json_of;
use super::salvage::log_of;

const PAGE_BYTES: u64 = 32 * 1024;

/// The log is checkpointed every so many pages, which are 4 MiB.
const CHECKPOINT_PAGES: u64 = 128;

/// The largest size of the log after a checkpoint.
pub(super) const LOG_BYTES: u64 = 8 * 1024 * 1024;

pub(super) struct Row {
    pub(super) id: i64,
    pub(super) frame: Vec<u8>,
}

pub(super) struct Segment {
    path: PathBuf,
    connection: Connection,
    rows: u64,
}

impl Segment {
    /// Creates a segment, whose name is durable when this returns.
    pub(super) fn create(path: &Path) -> Result<Self, SpoolError> {
        let directory = path.parent().expect("a segment is a file in the spool's directory");
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(
            |error| match error.kind() {
                io::ErrorKind::AlreadyExists => SpoolError::Exists { path: path.to_owned() },
                _ => SpoolError::directory(path)(error),
            },
        )?;
        let segment = Self::connect(path)?;
        // Before there is a log, so that a file without the table never had a record.
        segment.execute_batch(
            "create table records (id integer primary key, frame blob not null) strict",
        )?;
        segment.use_log()?;
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(SpoolError::directory(directory))?;
        Ok(segment)
    }

    /// Opens a segment that a process has left. Also returns whether it is whole, for which it reads
    /// everything.
    pub(super) fn open(path: &Path) -> Result<(Self, bool), SpoolError> {
        let damaged = || SpoolError::Damaged { path: path.to_owned(), source: None };
        if fs::metadata(path).is_ok_and(|file| file.len() == 0) && log_of(path).exists() {
            // SQLite would take the log for one of another file, and delete it.
            return Err(damaged());
        }
        let mut segment = Self::connect(path)?;
        if segment.count("select count(*) from sqlite_schema where name = 'records'")? == 0 {
            // Without a log, the process was killed while it created the file.
            return if log_of(path).exists() { Err(damaged()) } else { Ok((segment, true)) };
        }
        segment.use_log()?;
        segment.rows = segment.count("select count(*) from records")?;
        // What can't be checked is not whole: it is drained record by record and then set aside.
        let is_whole = log_is_whole(path) && segment.is_whole().unwrap_or(false);
        Ok((segment, is_whole))
    }

    fn is_whole(&self) -> rusqlite::Result<bool> {
        let found: String =
            self.connection.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
        let mut select = self.connection.prepare("select frame from records")?;
        let mut records = select.query([])?;
        let mut is_whole = found == "ok";
        while is_whole && let Some(record) = records.next()? {
            is_whole = json_of(record.get_ref(0)?.as_blob()?).is_ok();
        }
        Ok(is_whole)
    }

    fn connect(path: &Path) -> Result<Self, SpoolError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(SpoolError::of_file(path))?;
        // A segment of another process is not waited for.
        connection.busy_timeout(Duration::ZERO).map_err(SpoolError::of_file(path))?;
        // Closing must not change a file that is only surveyed, or checkpoint a damaged log.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(SpoolError::of_file(path))?;
        let segment = Self { path: path.to_owned(), connection, rows: 0 };
        segment.execute_batch(&format!(
            "pragma page_size = {PAGE_BYTES};
             pragma locking_mode = exclusive;
             pragma synchronous = full;
             pragma cell_size_check = on;
             begin immediate; commit;"
        ))?;
        Ok(segment)
    }

    fn use_log(&self) -> Result<(), SpoolError> {
        self.execute_batch(&format!(
            "pragma journal_mode = wal;
             pragma wal_autocheckpoint = {CHECKPOINT_PAGES};
             pragma journal_size_limit = {LOG_BYTES};"
        ))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of records. None is ever removed: the file is deleted when all are in Postgres.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns once all frames are on disk.
    ///
    /// After any error but [`SpoolError::NoSpace`] the file must not be written to again: its contents on
    /// disk are not certain.
    pub(super) fn append(&mut self, frames: &[Vec<u8>]) -> Result<(), SpoolError> {
        self.write(|transaction| {
            let mut insert =
                transaction.prepare_cached("insert into records (frame) values (?1)")?;
            frames.iter().try_for_each(|frame| insert.execute(params![frame]).map(drop))
        })?;
        self.rows += frames.len() as u64;
        Ok(())
    }

    /// Writes a record and removes it again, both durably.
    pub(super) fn probe(&mut self) -> Result<(), SpoolError> {
        self.write(|transaction| {
            transaction.execute("insert into records (frame) values (x'')", [])?;
            transaction.execute("delete from records where id = last_insert_rowid()", []).map(drop)
        })
    }

    fn write(
        &mut self,
        statements: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), SpoolError> {
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            statements(&transaction)?;
            transaction.commit()
        };
        write(&mut self.connection).map_err(SpoolError::of_file(&self.path))
    }

    /// The records after `after` in the order they were written: up to `max_rows` and about `max_bytes`, but
    /// at least one, if there is one.
    pub(super) fn read(
        &self,
        after: i64,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Row>, SpoolError> {
        if self.rows == 0 {
            return Ok(Vec::new());
        }
        let read = || {
            let mut select = self
                .connection
                .prepare_cached("select id, frame from records where id > ?1 order by id")?;
            let mut found = select.query([after])?;
            let (mut rows, mut bytes) = (Vec::new(), 0);
            while rows.len() < max_rows
                && bytes < max_bytes
                && let Some(row) = found.next()?
            {
                let row = Row { id: row.get(0)?, frame: row.get(1)? };
                bytes += row.frame.len();
                rows.push(row);
            }
            Ok(rows)
        };
        read().map_err(SpoolError::of_file(&self.path))
    }

    /// Closes the segment, with a checkpoint if possible.
    pub(super) fn seal(self) {
        // Without a checkpoint the records stay in the log.
        let _ = self.execute_batch("pragma wal_checkpoint(truncate)");
    }

    /// Closes the segment and deletes its files.
    pub(super) fn delete(self) -> Result<(), SpoolError> {
        let Self { path, connection, .. } = self;
        drop(connection);
        for file in [log_of(&path), path] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SpoolError::directory(&file)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn execute_batch(&self, sql: &str) -> Result<(), SpoolError> {
        self.connection.execute_batch(sql).map_err(SpoolError::of_file(&self.path))
    }

    fn count(&self, sql: &str) -> Result<u64, SpoolError> {
        self.connection
            .query_row(sql, [], |row| row.get(0))
            .map(i64::unsigned_abs)
            .map_err(SpoolError::of_file(&self.path))
    }
}
