//! Metrics of this process from `/proc`, under the names of Prometheus' client libraries.

use procfs::process::{LimitValue, Process};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

use super::gauge::gauge;

/// Registers the current values. What can't be read is left out.
pub(super) fn register(registry: &mut Registry) {
    let Ok(process) = Process::myself() else { return };
    if let Ok(stat) = process.stat() {
        let cpu = seconds(stat.utime + stat.stime);
        registry.register("cpu_seconds", "CPU time, user and system", ConstCounter::new(cpu));
        if let Ok(boot) = procfs::boot_time_secs() {
            gauge(
                registry,
                "start_time_seconds",
                "Start time of the process, since the Unix epoch",
                boot + stat.starttime / procfs::ticks_per_second(),
            );
        }
        let resident = stat.rss * procfs::page_size();
        gauge(registry, "resident_memory_bytes", "Memory in use", resident);
        gauge(registry, "virtual_memory_bytes", "Virtual memory", stat.vsize);
        gauge(registry, "threads", "Threads", stat.num_threads.unsigned_abs());
    }
    if let Ok(open) = process.fd_count() {
        gauge(registry, "open_fds", "Open file descriptors", open as u64);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(limit) = limits.max_open_files.soft_limit
    {
        gauge(registry, "max_fds", "Limit of open file descriptors", limit);
    }
}

#[allow(clippy::cast_precision_loss, reason = "exact for the first million years")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}
