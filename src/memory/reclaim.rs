//! Gives free memory back to the system. After many requests at once, glibc keeps nearly all of it:
//! what is still in use lies scattered in between.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::MemoryBudget;

/// Looks at the size of the process every few seconds until `stop`. Gives free memory back where it has
/// grown and little of `budget` is charged.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub async fn reclaim(budget: Arc<MemoryBudget>, stop: CancellationToken) {
    use std::time::Duration;

    use procfs::process::Process;
    use tokio::task::spawn_blocking;
    use tokio::time::sleep;

    const INTERVAL: Duration = Duration::from_secs(2);
    /// Growth that is left alone, in bytes.
    const SLACK: u64 = 16 * 1024 * 1024;
    /// Under load, what is free is about to be used again.
    const LITTLE: usize = 1024 * 1024;

    let resident =
        || Process::myself()?.statm().map(|memory| memory.resident * procfs::page_size());
    let mut least = u64::MAX;
    while stop.run_until_cancelled(sleep(INTERVAL)).await.is_some() {
        // Without /proc, memory is kept.
        let Ok(now) = resident() else { return };
        least = least.min(now);
        if now > least + SLACK && budget.charged() < LITTLE {
            // It takes milliseconds, and does not panic.
            let _ = spawn_blocking(trim).await;
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)] // the one exception in this package
fn trim() {
    // SAFETY: `malloc_trim` may be called at any time and from any thread (it is MT-Safe); it takes
    // the allocator's own locks, and releases only pages that no allocation uses.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators do it by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub async fn reclaim(_: Arc<MemoryBudget>, _: CancellationToken) {}
