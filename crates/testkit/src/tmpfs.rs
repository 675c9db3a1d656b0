//! A small disk: a tmpfs of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::place::Place;

pub struct Tmpfs {
    /// Where it can be reached.
    pub path: PathBuf,
    /// The process in whose namespace it is mounted, where we may not mount ourselves.
    holder: Option<Child>,
}

impl Tmpfs {
    /// Mounts one of that size. The error says why that is not possible here.
    pub fn mount(place: &Place, megabytes: u32) -> Result<Self, String> {
        let path = place.path("small-disk");
        fs::create_dir(&path).unwrap();
        let size = format!("size={megabytes}m,mode=0755");
        if rustix::process::geteuid().is_root() {
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path);
            let output = mount.output().map_err(|error| format!("mount: {error}"))?;
            if output.status.success() {
                place.mounted(&path);
                return Ok(Self { path, holder: None });
            }
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Self::mount_in_namespace(&path, &size)
    }

    /// A user who may not mount may do so in a namespace of their own. Its mount is reached through
    /// the process that is in there, by the same user only, which is whom Postgres runs as.
    fn mount_in_namespace(path: &Path, size: &str) -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o \"$1\" tmpfs \"$0\" && echo mounted && exec cat")
            .arg(path)
            .arg(size)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        if said != "mounted\n" {
            let output = holder.wait_with_output().unwrap();
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let inside = PathBuf::from(format!("/proc/{}/root{}", holder.id(), path.display()));
        Ok(Self { path: inside, holder: Some(holder) })
    }

    /// Leaves no byte free.
    pub fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            // Its standard input ends, and with it the holder and the mount.
            drop(holder.stdin.take());
            let _ = holder.wait();
        }
    }
}
