//! The processes of a cluster, whoever started them.

use std::io;
use std::path::Path;

use rustix::process::Pid;

/// A live process of the server. A zombie is not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) parent: i32,
}

/// A process belongs to the cluster if it is a `postgres` whose working directory is the cluster's,
/// which the server and each of its children enter first. A person's shell or `psql` in that directory
/// does not belong to it.
#[cfg(target_os = "linux")]
pub(super) fn of_cluster(cluster: &Path) -> io::Result<Vec<Process>> {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    let home = fs::metadata(cluster)?;
    let mut found = Vec::new();
    let mut unreadable = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(stat) = fs::read(entry.path().join("stat")) else {
            continue; // not a process, or one that has just ended
        };
        let Some(process) = live_postgres(&String::from_utf8_lossy(&stat)) else {
            continue;
        };
        match fs::metadata(entry.path().join("cwd")) {
            Ok(cwd) if (cwd.dev(), cwd.ino()) == (home.dev(), home.ino()) => found.push(process),
            // Root in a container may not see the working directory of another user's process.
            // Everybody can read its command line, but only the postmaster keeps the original.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                if names_cluster(&arguments, cluster) {
                    found.push(process);
                } else {
                    unreadable.push(process);
                }
            }
            _ => {}
        }
    }
    unreadable.retain(|&child| has_parent_in(child, &found));
    found.extend(unreadable);
    Ok(found)
}

/// Reads `pid (name) state ppid …`; the name may hold spaces and parentheses.
#[cfg(target_os = "linux")]
fn live_postgres(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let live = !matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let pid = Pid::from_raw(pid.parse().ok()?)?;
    (live && name.contains("postgres")).then_some(Process { pid, parent })
}

#[cfg(target_os = "linux")]
fn names_cluster(arguments: &[u8], cluster: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;

    let mut arguments = arguments.split(|&byte| byte == 0);
    arguments.any(|argument| argument == b"-D")
        && arguments.next() == Some(cluster.as_os_str().as_bytes())
}

/// Without `/proc`, from `ps`: the postmaster names its cluster, and the others are its children.
#[cfg(not(target_os = "linux"))]
pub(super) fn of_cluster(cluster: &Path) -> io::Result<Vec<Process>> {
    let output = std::process::Command::new("ps")
        .args(["-axww", "-o", "pid=,ppid=,stat=,command="])
        .output()?;
    let listing = String::from_utf8_lossy(&output.stdout);
    Ok(listed_by_ps(&listing, cluster))
}

#[cfg(any(test, not(target_os = "linux")))]
fn listed_by_ps(listing: &str, cluster: &Path) -> Vec<Process> {
    let server = format!("postgres -D {} -c ", cluster.display());
    let mut found = Vec::new();
    let mut children = Vec::new();
    for line in listing.lines() {
        let mut fields = line.split_ascii_whitespace();
        let mut number = || fields.next()?.parse::<i32>().ok();
        let (Some(pid), Some(parent)) = (number().and_then(Pid::from_raw), number()) else {
            continue;
        };
        if fields.next().is_none_or(|state| state.starts_with('Z')) {
            continue;
        }
        let process = Process { pid, parent };
        if line.contains(&server) {
            found.push(process);
        } else if fields.next() == Some("postgres:") {
            children.push(process);
        }
    }
    children.retain(|&child| has_parent_in(child, &found));
    found.extend(children);
    found
}

pub(super) fn has_parent_in(process: Process, others: &[Process]) -> bool {
    others.iter().any(|other| other.pid.as_raw_pid() == process.parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        let pid = Pid::from_raw(pid).unwrap();
        Process { pid, parent }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_a_live_postgres_counts() {
        let table = [
            ("41 (postgres) S 7 41 41 0 -1", Some(process(41, 7))),
            ("42 (postgres) Z 7 41 41 0 -1", None),
            ("43 (bash) S 7 41 41 0 -1", None),
            ("44 (psql) S 7 41 41 0 -1", None),
            ("45 (a) Z 9 (b postgres) R 1 45 45", Some(process(45, 1))),
            ("", None),
        ];
        for (stat, expected) in table {
            assert_eq!(live_postgres(stat), expected, "{stat}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_command_line_names_the_cluster_as_a_whole() {
        let cluster = Path::new("/srv/data/postgres");
        let table: [(&[u8], bool); 4] = [
            (b"/bin/postgres\0-D\0/srv/data/postgres\0-c\0port=1\0", true),
            (b"/bin/postgres\0-D\0/srv/data/postgres2\0", false),
            (b"postgres: checkpointer \0\0\0", false),
            (b"", false),
        ];
        for (arguments, expected) in table {
            assert_eq!(names_cluster(arguments, cluster), expected, "{arguments:?}");
        }
    }

    #[test]
    fn ps_shows_the_server_and_its_children() {
        let listing = "\
            \n    1     0 Ss   /sbin/init\
            \n  100     1 S    /opt/bin/postgres -D /srv/my data/postgres -c port=15000\
            \n  101   100 Ss   postgres: checkpointer\
            \n  102   100 Z    postgres: walwriter\
            \n  103   200 Ss   postgres: checkpointer\
            \n  200     1 S    /opt/bin/postgres -D /srv/other/postgres -c port=15001\
            \n  300     1 S    less /srv/my data/postgres/PG_VERSION\n";
        assert_eq!(
            listed_by_ps(listing, Path::new("/srv/my data/postgres")),
            [process(100, 1), process(101, 100)]
        );
    }
}
