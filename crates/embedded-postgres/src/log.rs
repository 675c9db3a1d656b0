//! The file that `initdb` and the server write to.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// A larger file is rotated at the next start; one old file is kept.
const ROTATE_BYTES: u64 = 1 << 20;
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 10;

/// The log, and the offset at which the current run begins.
#[derive(Clone, Debug)]
pub(super) struct Log {
    path: PathBuf,
    begin: u64,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> io::Result<Self> {
        let begin = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > ROTATE_BYTES => {
                fs::rename(&path, path.with_extension("log.old"))?;
                0
            }
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        };
        Ok(Self { path, begin })
    }

    /// Opened by this process, so that the file need not belong to the child's user.
    pub(super) fn append(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)
    }

    /// The last lines since the service started; empty if they can't be read.
    pub(super) fn tail(&self) -> LogTail {
        LogTail(self.read_tail().unwrap_or_default())
    }

    fn read_tail(&self) -> io::Result<Vec<String>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(self.begin.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        Ok(lines.into_iter().skip(skipped).map(str::to_owned).collect())
    }
}

/// The last lines of the log, for an error message.
#[derive(Clone, Debug, Default)]
pub struct LogTail(Vec<String>);

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("  (nothing)");
        }
        let lines: Vec<String> = self.0.iter().map(|line| format!("  {line}")).collect();
        f.write_str(&lines.join("\n"))
    }
}
