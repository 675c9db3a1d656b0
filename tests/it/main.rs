//! The integration tests, in one program that is linked once and starts one Postgres. Each test has its
//! own database, ports and directories.

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
