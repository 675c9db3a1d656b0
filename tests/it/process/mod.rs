//! The program as a process: its commands, its signals, its first run, and the secrets it never shows.

mod attacks;
mod clock;
mod commands;
mod correcting;
mod first_run;
mod memory;
mod open_files;
mod output;
mod redecode;
mod rejected;
mod rejected_times;
mod secrets;
mod signals;
mod simulate;
mod spool;
mod state_changes;
mod status;
mod tls;
mod unsafe_database;
mod versions;
