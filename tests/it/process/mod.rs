//! The program as a process: its commands, its signals, its first run, and the secrets it never shows.

mod attacks;
mod commands;
mod correcting;
mod first_run;
mod memory;
mod output;
mod redecode;
mod rejected;
mod secrets;
mod signals;
mod simulate;
mod spool;
mod state_changes;
mod versions;
