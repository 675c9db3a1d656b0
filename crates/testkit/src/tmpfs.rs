//! A small disk: a tmpfs.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::scratch::{scratch, unmount_at_end};

pub struct Tmpfs {
    pub path: PathBuf,
}

impl Tmpfs {
    /// Mounts one, as root or through `sudo` without a password. The error says why it can't.
    pub fn mount(megabytes: u32) -> Result<Self, String> {
        let path = scratch("small-disk");
        fs::create_dir(&path).unwrap();
        let options = format!("size={megabytes}m,mode=0777");
        let as_root = rustix::process::geteuid().is_root();
        let mut mount = if as_root { Command::new("mount") } else { Command::new("sudo") };
        if !as_root {
            mount.args(["-n", "mount"]);
        }
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path);
        let output = mount.output().map_err(|error| format!("{mount:?}: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        unmount_at_end(&path);
        Ok(Self { path })
    }

    /// Leaves so many bytes free, or none.
    pub fn fill(&self, free: u64) {
        let stat = rustix::fs::statvfs(&self.path).unwrap();
        let mut left = (stat.f_bavail * stat.f_frsize).saturating_sub(free);
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        while (free == 0 || left > 0) && ballast.write_all(&[0; 4096]).is_ok() {
            left = left.saturating_sub(4096);
        }
    }

    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}
