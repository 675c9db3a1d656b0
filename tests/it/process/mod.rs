//! The program as a process: its commands, its signals, its first run, and what it never says.

mod attacks;
mod clock;
mod commands;
mod correcting;
mod first_run;
mod open_files;
mod output;
mod redecode;
mod rejected;
mod secrets;
mod signals;
mod simulate;
mod spool;
mod state_changes;
mod unsafe_database;
mod versions;
