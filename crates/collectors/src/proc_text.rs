//! The texts of /proc, read without files: numbers out, `None` or nothing for what is not as expected.

/// The times of one core or of all, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    pub user: u64,
    pub nice: u64,
    pub system: u64,
    pub idle: u64,
    pub iowait: u64,
    pub irq: u64,
    pub softirq: u64,
    pub steal: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    pub all: CpuTimes,
    pub cores: Vec<(u32, CpuTimes)>,
    pub context_switches: Option<u64>,
    pub interrupts: Option<u64>,
    pub forks: Option<u64>,
    pub running: Option<u64>,
    pub blocked: Option<u64>,
}

/// /proc/stat. `None` without the line of all cores.
pub fn stat(text: &str) -> Option<Stat> {
    let mut stat = Stat::default();
    let mut seen = false;
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let Some(key) = fields.next() else { continue };
        let mut one = || fields.next().and_then(|field| field.parse().ok());
        match key {
            "cpu" => {
                stat.all = cpu_times(line)?;
                seen = true;
            }
            "ctxt" => stat.context_switches = one(),
            "intr" => stat.interrupts = one(),
            "processes" => stat.forks = one(),
            "procs_running" => stat.running = one(),
            "procs_blocked" => stat.blocked = one(),
            _ => {
                if let Some(core) = key.strip_prefix("cpu").and_then(|number| number.parse().ok())
                    && let Some(times) = cpu_times(line)
                {
                    stat.cores.push((core, times));
                }
            }
        }
    }
    seen.then_some(stat)
}

/// Old kernels have fewer columns; guest times are part of user and nice.
fn cpu_times(line: &str) -> Option<CpuTimes> {
    let mut fields = line.split_ascii_whitespace().skip(1).map_while(|field| field.parse().ok());
    let (user, nice, system, idle) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let mut next = || fields.next().unwrap_or(0);
    Some(CpuTimes { user, nice, system, idle, iowait: next(), irq: next(), softirq: next(), steal: next() })
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub averages: [f64; 3],
    pub threads: u64,
}

/// /proc/loadavg: `0.00 0.01 0.05 1/123 4567`.
pub fn load(text: &str) -> Option<Load> {
    let mut fields = text.split_ascii_whitespace();
    let mut average = || fields.next()?.parse().ok();
    let averages = [average()?, average()?, average()?];
    let threads = fields.next()?.split_once('/')?.1.parse().ok()?;
    Some(Load { averages, threads })
}

/// In bytes. What a kernel does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub total: Option<u64>,
    pub free: Option<u64>,
    pub available: Option<u64>,
    pub buffers: Option<u64>,
    pub cached: Option<u64>,
    pub reclaimable: Option<u64>,
    pub shared: Option<u64>,
    pub dirty: Option<u64>,
    pub swap_total: Option<u64>,
    pub swap_free: Option<u64>,
}

/// /proc/meminfo: `Key:   123 kB`.
pub fn memory(text: &str) -> Memory {
    let mut memory = Memory::default();
    for line in text.lines() {
        let Some((key, rest)) = line.split_once(':') else { continue };
        let field = match key {
            "MemTotal" => &mut memory.total,
            "MemFree" => &mut memory.free,
            "MemAvailable" => &mut memory.available,
            "Buffers" => &mut memory.buffers,
            "Cached" => &mut memory.cached,
            "SReclaimable" => &mut memory.reclaimable,
            "Shmem" => &mut memory.shared,
            "Dirty" => &mut memory.dirty,
            "SwapTotal" => &mut memory.swap_total,
            "SwapFree" => &mut memory.swap_free,
            _ => continue,
        };
        let kibibytes = rest.split_ascii_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        *field = kibibytes.and_then(|number| number.checked_mul(1024));
    }
    memory
}

/// One number of /proc/vmstat.
pub fn vmstat(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// What a block device has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounters {
    pub reads: u64,
    pub sectors_read: u64,
    pub read_ms: u64,
    pub writes: u64,
    pub sectors_written: u64,
    pub write_ms: u64,
    /// During which at least one request was under way.
    pub busy_ms: u64,
    /// The same times the number of requests under way.
    pub weighted_ms: u64,
}

/// Sectors in /proc/diskstats are of this size whatever the device's are.
pub const SECTOR_BYTES: u64 = 512;

/// The devices of /proc/diskstats, partitions among them.
pub fn disks(text: &str) -> impl Iterator<Item = (&str, DiskCounters)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let name = fields.next()?;
        let mut numbers = [0; 11];
        for number in &mut numbers {
            *number = fields.next()?.parse().ok()?;
        }
        let [reads, _, sectors_read, read_ms, writes, _, sectors_written, write_ms, _, busy_ms, weighted_ms] =
            numbers;
        let counters = DiskCounters {
            reads,
            sectors_read,
            read_ms,
            writes,
            sectors_written,
            write_ms,
            busy_ms,
            weighted_ms,
        };
        Some((name, counters))
    })
}

/// What a network interface has carried since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    pub received_bytes: u64,
    pub received_packets: u64,
    pub received_errors: u64,
    pub received_drops: u64,
    pub sent_bytes: u64,
    pub sent_packets: u64,
    pub sent_errors: u64,
    pub sent_drops: u64,
}

/// The interfaces of /proc/net/dev. There may be no blank behind the colon.
pub fn interfaces(text: &str) -> impl Iterator<Item = (&str, NetCounters)> {
    text.lines().filter_map(|line| {
        let (name, rest) = line.rsplit_once(':')?;
        let mut numbers = [0; 16];
        let mut fields = rest.split_ascii_whitespace();
        for number in &mut numbers {
            *number = fields.next()?.parse().ok()?;
        }
        let [received_bytes, received_packets, received_errors, received_drops, ..] = numbers;
        let [.., sent_bytes, sent_packets, sent_errors, sent_drops, _, _, _, _] = numbers;
        let counters = NetCounters {
            received_bytes,
            received_packets,
            received_errors,
            received_drops,
            sent_bytes,
            sent_packets,
            sent_errors,
            sent_drops,
        };
        Some((name.trim(), counters))
    })
}

/// Time in microseconds that some, or all, tasks have waited since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    pub some: Option<u64>,
    /// Older kernels have none for the processor.
    pub full: Option<u64>,
}

/// A file of /proc/pressure: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
pub fn pressure(text: &str) -> Pressure {
    let total = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        line.split_ascii_whitespace().find_map(|field| field.strip_prefix("total="))?.parse().ok()
    };
    Pressure { some: total("some "), full: total("full ") }
}

/// Open and most possible files, of /proc/sys/fs/file-nr.
pub fn open_files(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.split_ascii_whitespace();
    let open = fields.next()?.parse().ok()?;
    // The second column is always 0 since Linux 2.6.
    Some((open, fields.nth(1)?.parse().ok()?))
}

/// Seconds since the start, of /proc/uptime.
pub fn uptime(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// One number of /proc/net/snmp, whose lines come in pairs: `Tcp: Names …` and `Tcp: values …`.
pub fn snmp(text: &str, group: &str, name: &str) -> Option<i64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_ascii_whitespace().position(|each| each == name)?;
    values.split_ascii_whitespace().nth(at)?.parse().ok()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor`, which two mounts of the same device share.
    pub device: String,
    pub path: String,
    pub kind: String,
}

/// /proc/self/mountinfo: `id parent major:minor root path options … - kind source options`.
pub fn mounts(text: &str) -> impl Iterator<Item = Mount> {
    text.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut fields = mount.split_ascii_whitespace().skip(2);
        let device = fields.next()?.to_owned();
        let path = unescape(fields.nth(1)?);
        let kind = file_system.split_ascii_whitespace().next()?.to_owned();
        Some(Mount { device, path, kind })
    })
}

/// Blanks and the like stand as `\040`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code =
            after.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_today_and_of_old() {
        let text = "cpu  94358 313 19679 891115 1946 0 932 69 5 6\ncpu0 42985 184 9110 450859 448 0 417 33 0 0\n\
                    cpu12 1 2 3 4\nintr 1789244 0 0\nctxt 7388767\nbtime 1\nprocesses 57227\nprocs_running 2\n\
                    procs_blocked 0\nsoftirq 1 2\n";
        let stat = stat(text).unwrap();
        let all = CpuTimes {
            user: 94358,
            nice: 313,
            system: 19679,
            idle: 891_115,
            iowait: 1946,
            irq: 0,
            softirq: 932,
            steal: 69,
        };
        assert_eq!(stat.all, all);
        assert_eq!(stat.cores.iter().map(|(core, _)| *core).collect::<Vec<_>>(), [0, 12]);
        assert_eq!(stat.cores[1].1, CpuTimes { user: 1, nice: 2, system: 3, idle: 4, ..CpuTimes::default() });
        let rest = [stat.context_switches, stat.interrupts, stat.forks, stat.running, stat.blocked];
        assert_eq!(rest, [Some(7_388_767), Some(1_789_244), Some(57_227), Some(2), Some(0)]);
        for bad in ["", "cpu", "cpu 1 2 3", "cpu x 2 3 4", "intr 5"] {
            assert_eq!(super::stat(bad), None, "{bad}");
        }
    }

    #[test]
    fn small_files() {
        assert_eq!(
            load("4.84 2.80 1.47 1/100 24758\n"),
            Some(Load { averages: [4.84, 2.80, 1.47], threads: 100 })
        );
        assert_eq!(load("1 2"), None);
        assert_eq!(open_files("551\t0\t2466177\n"), Some((551, 2_466_177)));
        assert_eq!(open_files("551"), None);
        assert_eq!(uptime("5055.52 8911.16\n"), Some(5055.52));
        assert_eq!(uptime(""), None);
        assert_eq!(vmstat("pswpin 5\npswpout 6\n", "pswpout"), Some(6));
        assert_eq!(vmstat("pswpin_x 5\n", "pswpin"), None);
        let pressed = "some avg10=50.92 avg60=53.10 avg300=30.90 total=247413662\nfull avg10=0.00 total=7\n";
        assert_eq!(pressure(pressed), Pressure { some: Some(247_413_662), full: Some(7) });
        assert_eq!(pressure("some avg10=0.00"), Pressure::default());
    }

    #[test]
    fn memory_of_a_kernel_without_available() {
        let memory = memory(
            "MemTotal:  100 kB\nMemFree:\nCached: x kB\nSwapTotal: 18014398509481984 kB\nHugePages_Total: 0\n",
        );
        assert_eq!(memory, Memory { total: Some(102_400), ..Memory::default() });
    }

    #[test]
    fn disks_with_all_columns() {
        let text = " 254 0 vda 335857 32132 32777850 567152 35877 69156 12646264 33876 3 29304 603332 17042 39 3 1 5 4\n\
                    \u{20}8 1 sda1 10 20 30 40\n 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n nonsense\n";
        let read: Vec<_> = disks(text).collect();
        assert_eq!(read.len(), 2, "a partition of Linux 2.6.24 with four columns has no times");
        assert_eq!(read[0].0, "vda");
        assert_eq!(
            (read[0].1.sectors_written, read[0].1.busy_ms, read[0].1.weighted_ms),
            (12_646_264, 29_304, 603_332)
        );
        assert_eq!((read[1].1.reads, read[1].1.write_ms), (1, 8));
    }

    #[test]
    fn interfaces_with_and_without_blanks() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
                    eth0:21 2 3 4 5 6 7 8 29 10 11 12 13 14 15 16\neth0:1: 31 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nbad: 1 2\n";
        let read: Vec<_> = interfaces(text).collect();
        assert_eq!(read.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["lo", "eth0", "eth0:1"]);
        let NetCounters { received_bytes, received_drops, sent_bytes, sent_drops, .. } = read[1].1;
        assert_eq!((received_bytes, received_drops, sent_bytes, sent_drops), (21, 4, 29, 12));
    }

    #[test]
    fn snmp_by_name() {
        let text = "Ip: A B\nIp: 1 2\nTcp: RtoMin RetransSegs\nTcp: -1 42\nUdp: RcvbufErrors\nUdp: 3\nUdpLite: X\nUdpLite: 9\n";
        assert_eq!(snmp(text, "Tcp", "RetransSegs"), Some(42));
        assert_eq!(snmp(text, "Tcp", "RtoMin"), Some(-1));
        assert_eq!(snmp(text, "Udp", "RcvbufErrors"), Some(3));
        assert_eq!(snmp(text, "Udp", "X"), None);
        assert_eq!(snmp("Tcp: A B\nTcp: 1\n", "Tcp", "B"), None);
    }

    #[test]
    fn mounts_with_blanks_and_optional_fields() {
        let text = "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n\
                    30 25 0:27 / /mnt/my\\040disk\\134x rw - nfs4 server:/x rw\nbad line\n28 1 0:1 / /x rw - \n";
        let read: Vec<_> = mounts(text).collect();
        let mount = |device: &str, path: &str, kind: &str| Mount {
            device: device.into(),
            path: path.into(),
            kind: kind.into(),
        };
        assert_eq!(read, [mount("254:0", "/", "ext4"), mount("0:27", "/mnt/my disk\\x", "nfs4")]);
    }
}
