//! The integration tests, in one program: what it takes to link them and to start their Postgres is
//! paid once. Each test has a database, ports and directories of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test that can't go on fails"
)]
#![allow(unreachable_pub, reason = "nobody links this program")]

mod api;
mod architecture;
mod deploy;
mod performance_page;
mod process;
mod simulator;
mod sql;
mod support;
