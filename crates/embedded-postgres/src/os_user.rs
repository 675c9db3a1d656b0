//! The user that Postgres runs as: this process's own, or another if that is root, which Postgres refuses.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::error::EmbeddedPostgresError;

/// The user of a child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OsUser {
    Ourselves,
    Other { uid: u32, gid: u32 },
}

impl OsUser {
    /// For root: `postgres`, or else `nobody`.
    pub(super) fn for_new_cluster() -> Result<Self, EmbeddedPostgresError> {
        if !geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let path = Path::new("/etc/passwd");
        let passwd = match fs::read(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(EmbeddedPostgresError::data_dir(path)(error));
            }
            read => read.unwrap_or_default(),
        };
        let passwd = String::from_utf8_lossy(&passwd);
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| find(&passwd, name))
            .ok_or(EmbeddedPostgresError::NoUser)
    }

    /// An existing cluster is run as its owner; Postgres refuses anybody else.
    pub(super) fn owner_of(
        cluster: &Path,
        metadata: &Metadata,
    ) -> Result<Self, EmbeddedPostgresError> {
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let ours = geteuid();
        if uid != 0 && uid == ours.as_raw() {
            Ok(Self::Ourselves)
        } else if uid != 0 && ours.is_root() {
            Ok(Self::Other { uid, gid })
        } else {
            Err(EmbeddedPostgresError::ClusterOwner { cluster: cluster.to_owned(), owner: uid })
        }
    }

    pub(super) fn uid(self) -> u32 {
        match self {
            Self::Ourselves => geteuid().as_raw(),
            Self::Other { uid, .. } => uid,
        }
    }

    /// Makes the child run as this user.
    ///
    /// The standard library also drops root's supplementary groups (`setgroups(0)`, after
    /// `setgid` and before `setuid`) when a uid is set and no groups are.
    pub(super) fn apply(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// Changes the owner of a file or directory to this user.
    pub(super) fn own(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid } => std::os::unix::fs::chown(path, Some(uid), Some(gid)),
        }
    }

    /// Whether this user may enter `dir`. Tries it, since modes do not decide alone (access control
    /// lists, mounts). `program` is any program that exits when given `--version`.
    pub(super) fn can_enter(
        self,
        dir: &Path,
        program: &Path,
    ) -> Result<bool, EmbeddedPostgresError> {
        let run_in = |dir: &Path| {
            let mut command = Command::new(program);
            command.arg("--version").current_dir(dir);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.apply(&mut command);
            command.status()
        };
        // First from a directory that everybody can enter: the program itself must be accessible.
        run_in(Path::new("/")).map_err(|source| EmbeddedPostgresError::Spawn {
            program: program.to_owned(),
            source,
        })?;
        match run_in(dir) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            Err(source) => Err(EmbeddedPostgresError::DataDir { path: dir.to_owned(), source }),
        }
    }
}

/// Reads `name:password:uid:gid:…` lines.
fn find(passwd: &str, name: &str) -> Option<OsUser> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(OsUser::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                          postgresql:x:7:7::/:/bin/sh\n\
                          broken:x:seven:7::/:/bin/sh\n\
                          nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn a_user_is_found_by_its_whole_name_and_is_never_root() {
        let nobody = OsUser::Other { uid: 65534, gid: 65533 };
        let table =
            [("nobody", Some(nobody)), ("postgres", None), ("broken", None), ("root", None)];
        for (name, expected) in table {
            assert_eq!(find(PASSWD, name), expected, "{name}");
        }
    }
}
