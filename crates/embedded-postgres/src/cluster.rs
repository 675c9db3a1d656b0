//! The cluster: opens an existing one, or creates one atomically.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::binaries;
use super::child_guard::ChildGuard;
use super::data_dir::DataDir;
use super::error::EmbeddedPostgresError;
use super::installed::Installed;
use super::log::Log;
use super::os_user::OsUser;
use super::server;
use super::survivors::{STOP_SEQUENCE, settle};

/// Holds the cluster if the data directory is inaccessible to the user that Postgres runs as.
const ELSEWHERE: &str = "/var/lib/routo-receiver";

/// The first locale that this machine has is used.
const LOCALES: [&str; 2] = ["--locale=C.UTF-8", "--no-locale"];

/// A complete cluster, and all that is needed to run it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) path: PathBuf,
    pub(super) user: OsUser,
    pub(super) installed: Installed,
    pub(super) password: SecretString,
    /// Held beside the data directory's lock: a copied data directory may hold a link to the same
    /// cluster.
    _lock: File,
}

impl Cluster {
    /// Opens the cluster of the data directory; creates it if there is none.
    pub(super) fn open(
        data_dir: &DataDir,
        bin_dir: Option<&Path>,
        child_guard: &ChildGuard,
        log: &Log,
    ) -> Result<Self, EmbeddedPostgresError> {
        remove_unfinished(&data_dir.new_cluster())?;
        if !exists(&data_dir.cluster())? {
            initialise(data_dir, bin_dir, child_guard, log)?;
        }
        let path = fs::canonicalize(data_dir.cluster())
            .map_err(EmbeddedPostgresError::data_dir(data_dir.cluster()))?;
        let metadata = fs::metadata(&path).map_err(EmbeddedPostgresError::data_dir(&path))?;
        let user = OsUser::owner_of(&path, &metadata)?;
        let lock = lock(&path, data_dir)?;
        if path != data_dir.cluster() {
            tracing::warn!(
                cluster = %path.display(),
                data_dir = %data_dir.root().display(),
                "the data directory contains only a link to the embedded database: back up the database too"
            );
        }
        let version = path.join("PG_VERSION");
        let version = match fs::read_to_string(&version) {
            Ok(text) => text.trim_end().parse().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(EmbeddedPostgresError::DataDir { path: version, source });
            }
        };
        let Some(major) = version else {
            return Err(EmbeddedPostgresError::NotACluster { path });
        };
        let installed = binaries::find(bin_dir, Some((&path, major)))?;
        let password = data_dir
            .password()?
            .ok_or_else(|| EmbeddedPostgresError::PasswordLost { path: data_dir.pgpass() })?;
        Ok(Self { path, user, installed, password, _lock: lock })
    }
}

/// Locks the cluster's directory itself, by whatever path it was reached.
fn lock(cluster: &Path, data_dir: &DataDir) -> Result<File, EmbeddedPostgresError> {
    let directory = File::open(cluster).map_err(EmbeddedPostgresError::data_dir(cluster))?;
    match directory.try_lock() {
        Ok(()) => Ok(directory),
        Err(TryLockError::WouldBlock) => {
            Err(EmbeddedPostgresError::InUse { data_dir: data_dir.root().to_owned() })
        }
        Err(TryLockError::Error(source)) => Err(EmbeddedPostgresError::data_dir(cluster)(source)),
    }
}

/// An empty directory, which somebody may have prepared, is not a cluster.
fn exists(cluster: &Path) -> Result<bool, EmbeddedPostgresError> {
    let error = match fs::read_dir(cluster) {
        Ok(mut entries) => return Ok(entries.next().is_some()),
        Err(error) => error,
    };
    match (error.kind(), fs::read_link(cluster)) {
        (io::ErrorKind::NotFound, Err(_)) => Ok(false),
        (io::ErrorKind::NotFound, Ok(target)) => {
            Err(EmbeddedPostgresError::ClusterGone { link: cluster.to_owned(), target })
        }
        // Another user's directory: the check of its owner gives the better error.
        (io::ErrorKind::PermissionDenied, _) => Ok(true),
        (io::ErrorKind::NotADirectory, _) => {
            Err(EmbeddedPostgresError::NotACluster { path: cluster.to_owned() })
        }
        _ => Err(EmbeddedPostgresError::data_dir(cluster)(error)),
    }
}

/// Creates the cluster as `postgres.new` and renames it when it is complete.
fn initialise(
    data_dir: &DataDir,
    bin_dir: Option<&Path>,
    child_guard: &ChildGuard,
    log: &Log,
) -> Result<(), EmbeddedPostgresError> {
    let user = OsUser::for_new_cluster()?;
    let installed = binaries::find(bin_dir, None)?;
    let password = match data_dir.password() {
        Ok(Some(password)) => password,
        _ => data_dir.make_password()?,
    };
    let new = data_dir.new_cluster();
    let place = if user == OsUser::Ourselves
        || user.can_enter(data_dir.root(), &installed.program("postgres"))?
    {
        new.clone()
    } else {
        let place = place_elsewhere()?;
        // The link comes first, so that the next start finds what an interruption left.
        symlink(&place, &new).map_err(EmbeddedPostgresError::data_dir(&new))?;
        place
    };
    DirBuilder::new()
        .mode(0o700)
        .create(&place)
        .and_then(|()| user.own(&place))
        .map_err(EmbeddedPostgresError::data_dir(&place))?;
    run_initdb(&installed.program("initdb"), &place, user, &password, child_guard, log)?;
    fs::rename(&new, data_dir.cluster())
        .map_err(EmbeddedPostgresError::data_dir(data_dir.cluster()))?;
    data_dir.sync()
}

fn run_initdb(
    initdb: &Path,
    place: &Path,
    user: OsUser,
    password: &SecretString,
    child_guard: &ChildGuard,
    log: &Log,
) -> Result<(), EmbeddedPostgresError> {
    let mut failed = None;
    for locale in LOCALES {
        let run = || {
            let mut command = server::child(initdb, user, log)?;
            command.args(["-U", "routo", "-A", "scram-sha-256", "-E", "UTF8", locale]);
            command.arg("-D").arg(place).arg("--pwfile=/dev/stdin");
            // Through a pipe, the password is in no file and on no command line.
            let (reader, mut writer) = io::pipe()?;
            if let OsUser::Other { uid, gid } = user {
                fchown(reader.as_fd(), Some(uid), Some(gid))?; // initdb opens it by name
            }
            writer.write_all(password.expose_secret().as_bytes())?;
            drop(writer);
            command.stdin(reader);
            child_guard.run(&mut command)
        };
        let status = run().map_err(|source| EmbeddedPostgresError::Spawn {
            program: initdb.to_owned(),
            source,
        })?;
        match status {
            _ if child_guard.is_stopping() => return Err(EmbeddedPostgresError::Stopped),
            Some(status) if status.success() => return Ok(()),
            status => failed = status.or(failed),
        }
    }
    match failed {
        Some(status) => Err(EmbeddedPostgresError::InitFailed { status, log: log.tail() }),
        None => Err(EmbeddedPostgresError::Stopped),
    }
}

/// A new name in a directory that everybody can enter.
fn place_elsewhere() -> Result<PathBuf, EmbeddedPostgresError> {
    let parent = Path::new(ELSEWHERE);
    fs::create_dir_all(parent)
        .and_then(|()| fs::set_permissions(parent, Permissions::from_mode(0o711)))
        .map_err(EmbeddedPostgresError::data_dir(parent))?;
    Ok(parent.join(format!("{:016x}", rand::random::<u64>())))
}

/// Removes what an interrupted `initialise` left. Follows only links that `initialise` makes.
fn remove_unfinished(new: &Path) -> Result<(), EmbeddedPostgresError> {
    let place = match fs::read_link(new) {
        Ok(target) if target.parent().map(Path::as_os_str) == Some(OsStr::new(ELSEWHERE)) => target,
        _ => new.to_owned(),
    };
    let remove = |removed: io::Result<()>, path: &Path| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(EmbeddedPostgresError::data_dir(path)(error))
        }
        _ => Ok(()),
    };
    if fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_dir()) {
        settle(&place, &STOP_SEQUENCE)?;
        remove(fs::remove_dir_all(&place), &place)?;
    }
    if fs::symlink_metadata(new).is_ok_and(|metadata| metadata.is_symlink()) {
        remove(fs::remove_file(new), new)?;
    }
    Ok(())
}
