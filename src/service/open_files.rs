//! The limit of open files: raised as far as the system allows, and the number of connections that fits.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides the gateway's connections: those of the admin listener and those that are
/// being refused, the spool's, Postgres', the log, and some to spare.
const RESERVED: u64 = 448;

/// Raises the limit to the most that the system allows: each connection is an open file.
pub(crate) fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// `http.max_connections`, or less where the limit of open files has no room for as many: the system
/// would refuse connections before the service could choose which to close.
pub(super) fn connections_that_fit(max_connections: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return max_connections };
    let fitting = fitting(max_connections, limit);
    if fitting < max_connections {
        tracing::warn!(
            open_files = limit,
            configured = max_connections,
            connections = fitting,
            "the limit of open files is too low for http.max_connections: fewer connections are taken; raise it (LimitNOFILE, ulimits) or lower http.max_connections"
        );
    }
    fitting
}

/// At least a quarter of the limit: the files in reserve are rarely open all at once.
fn fitting(max_connections: usize, limit: u64) -> usize {
    let room = limit.saturating_sub(RESERVED).max(limit / 4).max(1);
    max_connections.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_limit_of_open_files() {
        for (limit, expected) in
            [(u64::MAX, 5_000), (5_448, 5_000), (1_024, 576), (256, 64), (3, 1)]
        {
            assert_eq!(fitting(5_000, limit), expected, "{limit}");
        }
    }
}
