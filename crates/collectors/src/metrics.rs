//! What each of the host's numbers is called, means, and is when all is well.
//!
//! The table is what the page shows beside a graph and what docs/host.md is made of.

/// One kind of number. In `pattern` a `*` stands for the name of a disk, a file system and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricDoc {
    /// What follows `host.<name>.`.
    pub pattern: &'static str,
    pub unit: &'static str,
    pub level: &'static str,
    /// What it means, what is normal, what to do.
    pub text: &'static str,
}

const fn doc(pattern: &'static str, unit: &'static str, text: &'static str) -> MetricDoc {
    MetricDoc { pattern, unit, level: "system", text }
}

/// The documentation of a series, by its full name.
pub fn doc_of(series: &str) -> Option<&'static MetricDoc> {
    let metric = series.strip_prefix("host.")?.split_once('.')?.1;
    METRICS.iter().find(|doc| matches(doc.pattern, metric))
}

fn matches(pattern: &str, metric: &str) -> bool {
    let (mut pattern, mut metric) = (pattern.split('.'), metric.split('.'));
    loop {
        match (pattern.next(), metric.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some("core*"), Some(node)) if node.starts_with("core") => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[rustfmt::skip]
pub const METRICS: &[MetricDoc] = &[
    doc("cpu.busy_percent", "%", "Share of all cores' time that was spent on anything but idling and waiting for disks. Short peaks to 100 are work being done quickly; a steady 90 and more means that requests wait for the processor. Look which of the modes below it is, and at pressure.cpu."),
    doc("cpu.user_percent", "%", "Programs' own work, at normal priority. The part of a busy processor that more cores or better code helps with."),
    doc("cpu.nice_percent", "%", "Programs' own work at lowered priority: backups, builds, indexing. Rarely harms; it steps aside."),
    doc("cpu.system_percent", "%", "The kernel working for programs: system calls, page faults, the network. Normally a fraction of user; much more points to very many small reads, writes or packets, or to memory being reclaimed."),
    doc("cpu.iowait_percent", "%", "Idle time during which some task waited for a disk. Falls when other work fills the wait, so a low value proves nothing; a high one says that storage is what things wait for. Look at disk.*.await_ms and pressure.io."),
    doc("cpu.irq_percent", "%", "Time in interrupts of hardware. Near 0."),
    doc("cpu.softirq_percent", "%", "Time in the second half of interrupts, mostly the network's. Above 10 the host handles very many packets; on one core only, spread the receive queues."),
    doc("cpu.steal_percent", "%", "Time in which this virtual machine was ready to run and the hypervisor ran another one. Normally 0; a steady 5 and more means a crowded or throttled host: ask the provider, or move."),
    doc("cpu.idle_percent", "%", "Time with nothing to do and nothing to wait for."),
    doc("cpu.cores", "cores", "Processors that are switched on."),
    doc("cpu.core*.busy_percent", "%", "As cpu.busy_percent, for one core. One core at 100 while the others idle is a program that can use only one. Written with `per_core = true`."),
    doc("load.1m", "tasks", "Tasks that ran, wanted to run or waited for a disk, averaged over about a minute. Up to the number of cores nothing waits; disks that hang drive it up without any work being done. pressure.* says the same in time lost and is easier to judge."),
    doc("load.5m", "tasks", "As load.1m over about five minutes."),
    doc("load.15m", "tasks", "As load.1m over about fifteen minutes. Above load.1m the worst is over; below, it is getting worse."),
    doc("memory.total_bytes", "B", "Memory that the kernel manages."),
    doc("memory.used_bytes", "B", "Total less available: what programs and the kernel really hold."),
    doc("memory.available_bytes", "B", "What programs can still get without swapping, by the kernel's own estimate. The number to watch: below a tenth of the total, find what grows; near 0 the kernel ends processes."),
    doc("memory.free_bytes", "B", "Memory that holds nothing at all. Normally small: the kernel uses what is free as cache. Not a worry by itself."),
    doc("memory.cached_bytes", "B", "File contents and kernel tables that can be dropped when memory is needed."),
    doc("memory.buffers_bytes", "B", "Cached blocks of devices, mostly of file systems' own tables."),
    doc("memory.shared_bytes", "B", "Shared memory and tmpfs. Counts as used: files in /tmp or /dev/shm fill it."),
    doc("memory.dirty_bytes", "B", "Written by programs and not yet on disk: what a power cut would cost, and what a slow disk still has to do."),
    doc("memory.used_percent", "%", "used_bytes as a share of total_bytes. Above 90, plan; above 97, act."),
    doc("swap.total_bytes", "B", "Space to move memory out to. 0 is a choice, not a fault."),
    doc("swap.used_bytes", "B", "Memory that was moved out. Harmless when it lies still; see the two rates."),
    doc("swap.used_percent", "%", "used_bytes as a share of total_bytes; written where there is swap."),
    doc("swap.in_bytes_per_second", "B/s", "Memory read back from disk because it was needed. Steady values above 0 mean that everything is slow: there is too little memory."),
    doc("swap.out_bytes_per_second", "B/s", "Memory moved out to disk. Short bursts are housekeeping; steady, with swap.in, there is too little memory."),
    doc("disk.*.reads_per_second", "1/s", "Reads that the device has finished."),
    doc("disk.*.writes_per_second", "1/s", "Writes that the device has finished."),
    doc("disk.*.read_bytes_per_second", "B/s", "Bytes read from the device."),
    doc("disk.*.write_bytes_per_second", "B/s", "Bytes written to the device."),
    doc("disk.*.await_ms", "ms", "Mean time of a request from being queued to being done; written only for seconds with requests. Flash: below 1, turning disks: 5 to 15. A multiple of the usual value means that the device is overloaded or failing."),
    doc("disk.*.read_await_ms", "ms", "As await_ms, for reads: what programs wait for."),
    doc("disk.*.write_await_ms", "ms", "As await_ms, for writes. Caches hide it from programs until they are full, except from fsync."),
    doc("disk.*.queue", "requests", "Mean number of requests under way or waiting. Above what the device does at once (1 for a turning disk, dozens for flash) requests wait."),
    doc("disk.*.util_percent", "%", "Share of the time in which at least one request was under way. 100 means saturated only for a device that does one thing at a time; for flash and arrays look at await_ms."),
    doc("filesystem.*.size_bytes", "B", "Size of the file system. Slashes of the mount point become `_`; `/` is called `root`."),
    doc("filesystem.*.used_bytes", "B", "Size less what is free."),
    doc("filesystem.*.available_bytes", "B", "What everybody but root can still write. At 0 writes fail."),
    doc("filesystem.*.used_percent", "%", "used / (used + available), as `df` shows it. Above 90 look for what grows; the rate of growth says when it is full."),
    doc("filesystem.*.inodes_used_percent", "%", "Share of the possible files that exist. Millions of tiny files fill a disk that has space left. Not written for file systems without such a limit."),
    doc("filesystems.unresponsive", "mounts", "Mounts (or sensors) that did not answer within 5 seconds. Normally 0; otherwise the server of a network mount is away, and whatever touches the mount hangs."),
    doc("network.*.received_bytes_per_second", "B/s", "Bytes that came in over the interface."),
    doc("network.*.sent_bytes_per_second", "B/s", "Bytes that went out."),
    doc("network.*.received_packets_per_second", "1/s", "Packets that came in."),
    doc("network.*.sent_packets_per_second", "1/s", "Packets that went out."),
    doc("network.*.received_errors_per_second", "1/s", "Packets that arrived broken. 0 on a sound network; anything else is a cable, a port or a driver."),
    doc("network.*.sent_errors_per_second", "1/s", "Packets that could not be sent. 0 on a sound network."),
    doc("network.*.received_drops_per_second", "1/s", "Packets that came in and were thrown away, for want of buffers or because nobody wanted their kind. A few are normal on some networks; growing with traffic means that the host does not keep up."),
    doc("network.*.sent_drops_per_second", "1/s", "Packets thrown away on the way out because the queue was full."),
    doc("tcp.connections", "connections", "TCP connections that are established."),
    doc("tcp.retransmits_per_second", "1/s", "TCP segments sent again because no answer came. Some are normal over the internet; a jump means loss between here and somebody, and slow requests."),
    doc("udp.receive_buffer_errors_per_second", "1/s", "Datagrams to any program of this host that were dropped because its buffer was full. StatsD's own are counted at its listener too. Normally 0."),
    doc("processes.total", "processes", "Processes that exist, counted every 5 seconds."),
    doc("processes.threads", "threads", "Threads that exist. Growing without end is a leak, and ends at a limit."),
    doc("processes.running", "tasks", "Tasks that run or want to run at this moment."),
    doc("processes.blocked", "tasks", "Tasks that wait for a disk and cannot be interrupted. Steady values above 0 mean slow or dead storage."),
    doc("processes.forks_per_second", "1/s", "Processes and threads that were started. Hundreds are a script in a loop, or somebody crashing and restarting."),
    doc("files.open", "files", "Files, sockets and pipes open on the whole host."),
    doc("files.open_percent", "%", "files.open as a share of the kernel's limit. Rarely matters; each process has a lower limit of its own."),
    doc("pressure.cpu.some_percent", "%", "Share of the time in which some task could run but had no processor. The direct answer to \"is there enough processor?\": below 10 yes, above 50 no."),
    doc("pressure.cpu.full_percent", "%", "Share of the time in which no task that wanted the processor had it; on a whole host 0, within a limited group not."),
    doc("pressure.io.some_percent", "%", "Share of the time in which some task waited for a disk. High with normal throughput: one program waits for its own reads; with high await_ms: the device."),
    doc("pressure.io.full_percent", "%", "Share of the time in which everything that had work waited for a disk: lost for the host."),
    doc("pressure.memory.some_percent", "%", "Share of the time in which some task waited for memory: swapping in, or reclaiming. Normally 0; above 5 there is too little memory whatever the other numbers say."),
    doc("pressure.memory.full_percent", "%", "Share of the time in which everything that had work waited for memory. Above 0 for seconds: users feel it."),
    doc("system.context_switches_per_second", "1/s", "How often cores changed from one task to another. Compare with yesterday rather than with a limit."),
    doc("system.interrupts_per_second", "1/s", "Interrupts of devices and timers. Compare with yesterday."),
    doc("system.uptime_seconds", "s", "Time since the host was started. A fall is a restart; if nobody meant it, look at the log of the kernel."),
    doc("temperature.*.celsius", "°C", "A sensor of the hardware, where there are any. Most processors slow down from 90 on."),
];

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn series_find_their_documentation() {
        let unit = |series: &str| doc_of(series).map(|doc| doc.unit);
        assert_eq!(unit("host.web1.cpu.user_percent"), Some("%"));
        assert_eq!(unit("host.web1.disk.sda.await_ms"), Some("ms"));
        assert_eq!(unit("host.web1.cpu.core17.busy_percent"), Some("%"));
        for unknown in ["host.web1", "host.web1.cpu", "stats.cpu.user_percent", "host.web1.disk.a.b.await_ms"]
        {
            assert_eq!(unit(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn units_are_in_the_names() {
        for doc in METRICS {
            let last = doc.pattern.rsplit('.').next().unwrap();
            let wanted = match doc.unit {
                "%" => last.ends_with("_percent"),
                "B" => last.ends_with("_bytes"),
                "B/s" => last.ends_with("_bytes_per_second"),
                "1/s" => last.ends_with("_per_second"),
                "ms" => last.ends_with("_ms"),
                "s" => last.ends_with("_seconds"),
                "°C" => last == "celsius",
                _ => !last.contains('_'),
            };
            assert!(wanted, "{} in {}", doc.pattern, doc.unit);
            assert!(doc.text.ends_with('.'), "{}", doc.pattern);
        }
    }

    /// `UPDATE_DOCS=1 cargo test -p collectors` writes it.
    #[test]
    fn the_page_for_people_is_made_of_the_table() {
        let mut page = include_str!("host_md_head.md").to_owned();
        for doc in METRICS {
            writeln!(page, "| `{}` | {} | {} |", doc.pattern, doc.unit, doc.text).unwrap();
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/host.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page,
            "docs/host.md is stale: UPDATE_DOCS=1 cargo test -p collectors writes it anew"
        );
    }
}
