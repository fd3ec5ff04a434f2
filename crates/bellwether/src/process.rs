//! This process as the kernel sees it.
#![allow(unsafe_code)]

use rustix::time::{ClockId, clock_gettime};

/// Time that all threads together have computed since the start.
pub fn cpu_milliseconds() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

pub fn resident_bytes() -> u64 {
    status("VmRSS:").map_or(0, |kibibytes| kibibytes * 1_024)
}

pub fn threads() -> u64 {
    status("Threads:").unwrap_or(0)
}

/// The allocator keeps what was freed between what is in use: after each flush that is a third of the memory.
#[cfg(target_env = "gnu")]
pub fn give_free_memory_back() {
    // SAFETY: it takes no pointers, changes nothing that is allocated, and may be called from any thread.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do so by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_free_memory_back() {}

/// A number of `/proc/self/status`.
fn status(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
