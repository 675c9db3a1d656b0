//! Other processes, by their numbers: signals, children, and whether they live.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// One that has gone already needs no signal.
pub fn signal(pid: u32, signal: Signal) {
    let raw = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    match kill_process(raw, signal) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("{pid} can't be sent a signal: {error}"),
    }
}

/// One that has ended and was not reaped holds nothing any more.
pub fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

pub fn children(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
            fields.split(' ').nth(1) == Some(&parent)
        })
        .collect()
}

/// The most memory that the process ever had, in kilobytes.
pub fn peak_memory_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// The end of a log, for a person who wants to know why.
pub fn tail(log: &PathBuf) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(15);
    lines[from..].join("\n")
}

/// A port that is free and stays the proof's own while nobody listens on it: below those that the
/// system gives to outgoing connections, which could otherwise connect to themselves.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = u16::try_from(std::process::id() % 150).unwrap() * 100;
        let port = 16_000 + (start + nth) % 15_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
