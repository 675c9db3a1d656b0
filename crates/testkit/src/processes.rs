//! The processes of this machine: signals, who has started whom, and what each has used.

use std::collections::HashMap;
use std::fs;

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

/// The most memory that the process ever had, in kilobytes.
pub fn peak_memory_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Ticks a second that /proc counts CPU time in: `USER_HZ`, 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// All processes of the machine: CPU time in seconds, and who has started whom.
pub struct Processes(HashMap<u32, Process>);

struct Process {
    parent: u32,
    cpu: f64,
    /// Of children that have ended.
    cpu_of_children: f64,
}

impl Processes {
    pub fn now() -> Self {
        let entries = fs::read_dir("/proc").unwrap();
        let ids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        Self(ids.filter_map(|id| Some((id, Process::read(id)?))).collect())
    }

    pub fn parent(&self, id: u32) -> u32 {
        self.0[&id].parent
    }

    pub fn cpu_alone(&self, id: u32) -> f64 {
        self.0[&id].cpu
    }

    /// Of the process and all below it, those that have ended included.
    pub fn cpu(&self, id: u32) -> f64 {
        let children = self.0.iter().filter(|(_, process)| process.parent == id);
        let process = &self.0[&id];
        process.cpu + process.cpu_of_children + children.map(|(id, _)| self.cpu(*id)).sum::<f64>()
    }

    pub fn with_children(&self, id: u32) -> Vec<u32> {
        let children = self.0.iter().filter(|(_, process)| process.parent == id);
        children.flat_map(|(id, _)| self.with_children(*id)).chain([id]).collect()
    }
}

impl Process {
    /// `None` when it has ended meanwhile.
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name before the parenthesis may hold anything. What follows begins with field 3.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let seconds = |field: usize| fields[field - 3].parse::<f64>().unwrap() / TICKS;
        Some(Self {
            parent: fields[4 - 3].parse().unwrap(),
            cpu: seconds(14) + seconds(15),
            cpu_of_children: seconds(16) + seconds(17),
        })
    }
}
