//! The host's own numbers, from /proc and /sys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vocabulary::{PointBatch, Timestamp};

use crate::config::CollectorsConfig;
use crate::kept_file::KeptFile;
use crate::limits;
use crate::probe::{Answer, Probe, Question, Questions, Space};
use crate::proc_text::{self, CpuTimes, DiskCounters, NetCounters, Pressure, Stat};
use crate::stats::HostStats;

/// Looks at the host whenever it is told to. Never waits for a disk or a network.
pub struct HostCollector {
    /// `host.<name>.`
    prefix: String,
    root: PathBuf,
    per_core: bool,
    files: Files,
    probe: Probe,
    before: Option<Before>,
    disks: BTreeMap<String, DiskCounters>,
    interfaces: BTreeMap<String, NetCounters>,
    whole_devices: BTreeMap<String, bool>,
    mounts: Mounts,
    sensors: Sensors,
    processes: Option<(Instant, u64)>,
    stats: HostStats,
}

struct Files {
    stat: KeptFile,
    load: KeptFile,
    memory: KeptFile,
    vmstat: KeptFile,
    disks: KeptFile,
    interfaces: KeptFile,
    snmp: KeptFile,
    mounts: KeptFile,
    open_files: KeptFile,
    uptime: KeptFile,
    pressure: [(&'static str, KeptFile); 3],
}

/// Counters at the look before.
struct Before {
    at: Instant,
    stat: Option<Stat>,
    swap: Option<(u64, u64)>,
    pressure: [Option<Pressure>; 3],
    tcp_retransmits: Option<u64>,
    udp_buffer_errors: Option<u64>,
}

#[derive(Default)]
struct Mounts {
    /// What `file_systems` was made of.
    text: String,
    file_systems: Questions,
}

#[derive(Default)]
struct Sensors {
    looked: Option<Instant>,
    found: Questions,
}

/// Where points go, with what they have in common.
struct Out<'a> {
    batch: &'a mut PointBatch,
    prefix: &'a str,
    now: Timestamp,
}

impl Out<'_> {
    fn put(&mut self, name: &[&str], value: f64) {
        if !value.is_finite() {
            return;
        }
        let mut parts: [&[u8]; 6] = [&[]; 6];
        parts[0] = self.prefix.as_bytes();
        for (part, text) in parts[1..].iter_mut().zip(name) {
            *part = text.as_bytes();
        }
        self.batch.push_parts(&parts, self.now, value);
    }

    fn put_some(&mut self, name: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

impl HostCollector {
    pub fn new(config: &CollectorsConfig) -> HostCollector {
        HostCollector::below(Path::new("/"), config)
    }

    /// With another root, which has its own proc and sys.
    pub fn below(root: &Path, config: &CollectorsConfig) -> HostCollector {
        HostCollector {
            prefix: format!("host.{}.", machine_name(config)),
            root: root.to_owned(),
            per_core: config.per_core,
            files: Files::below(root),
            probe: Probe::default(),
            before: None,
            disks: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            whole_devices: BTreeMap::new(),
            mounts: Mounts::default(),
            sensors: Sensors::default(),
            processes: None,
            stats: HostStats::default(),
        }
    }

    /// What all names begin with, `host.<name>.`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub fn stats(&self) -> HostStats {
        HostStats { unresponsive: self.probe.stuck(), ..self.stats }
    }

    /// Adds what there is to see: `now` is what the points carry, `at` the same moment on a clock that is never set.
    pub fn sample(&mut self, now: Timestamp, at: Instant, batch: &mut PointBatch) {
        let before_points = batch.len();
        let prefix = std::mem::take(&mut self.prefix);
        let mut out = Out { batch, prefix: &prefix, now };
        let before = self.before.take();
        let seconds = before.as_ref().map(|before| at.duration_since(before.at).as_secs_f64());
        let rate = Rate { seconds: seconds.filter(|seconds| *seconds > 0.0) };
        let before = before.unwrap_or_else(|| Before::nothing(at));

        let stat = self.cpu(at, &before, rate, &mut out);
        self.load(at, &mut out);
        self.memory(at, &mut out);
        let swap = self.swap_traffic(at, &before, rate, &mut out);
        self.disks(at, rate, &mut out);
        self.interfaces(at, rate, &mut out);
        let (tcp_retransmits, udp_buffer_errors) = self.protocols(at, &before, rate, &mut out);
        let pressure = self.pressure(at, &before, rate, &mut out);
        self.processes(at, &mut out);
        self.open_files(at, &mut out);
        self.uptime(at, &mut out);
        self.ask_the_slow(at, &mut out);

        self.before = Some(Before { at, stat, swap, pressure, tcp_retransmits, udp_buffer_errors });
        let points = batch.len() - before_points;
        self.prefix = prefix;
        self.stats = HostStats {
            samples: self.stats.samples + 1,
            points: self.stats.points + points as u64,
            last_sample: Some(now),
            last_took: at.elapsed(),
            unresponsive: 0,
        };
    }

    fn cpu(&mut self, at: Instant, before: &Before, rate: Rate, out: &mut Out<'_>) -> Option<Stat> {
        let stat = self.files.stat.read(at).and_then(proc_text::stat)?;
        out.put(&["cpu.cores"], stat.cores.len() as f64);
        out.put_some(&["processes.running"], stat.running.map(|tasks| tasks as f64));
        out.put_some(&["processes.blocked"], stat.blocked.map(|tasks| tasks as f64));
        if let Some(before) = &before.stat {
            let counted = |name: &str, after: Option<u64>, before: Option<u64>, out: &mut Out<'_>| {
                out.put_some(&[name], rate.of(before, after));
            };
            counted(
                "system.context_switches_per_second",
                stat.context_switches,
                before.context_switches,
                out,
            );
            counted("system.interrupts_per_second", stat.interrupts, before.interrupts, out);
            counted("processes.forks_per_second", stat.forks, before.forks, out);
            cpu_shares(before.all, stat.all, out);
            if self.per_core {
                for (core, times) in stat.cores.iter().take(limits::THINGS_MAX) {
                    let earlier = before.cores.iter().find(|(each, _)| each == core);
                    let shares = earlier.and_then(|(_, earlier)| CpuShares::between(*earlier, *times));
                    let core = core.to_string();
                    out.put_some(&["cpu.core", &core, ".busy_percent"], shares.map(|shares| shares.busy()));
                }
            }
        }
        Some(stat)
    }

    fn load(&mut self, at: Instant, out: &mut Out<'_>) {
        let Some(load) = self.files.load.read(at).and_then(proc_text::load) else { return };
        for (name, average) in ["load.1m", "load.5m", "load.15m"].iter().zip(load.averages) {
            out.put(&[name], average);
        }
        out.put(&["processes.threads"], load.threads as f64);
    }

    fn memory(&mut self, at: Instant, out: &mut Out<'_>) {
        let Some(memory) = self.files.memory.read(at).map(proc_text::memory) else { return };
        let cached =
            memory.cached.zip(memory.reclaimable).map(|(cached, slab)| cached + slab).or(memory.cached);
        // As `free` reckons for kernels before 3.14, which do not say.
        let available = memory.available.or_else(|| Some(memory.free? + memory.buffers? + cached?));
        let used = memory.total.zip(available).map(|(total, available)| total.saturating_sub(available));
        let swap_used =
            memory.swap_total.zip(memory.swap_free).map(|(total, free)| total.saturating_sub(free));
        for (name, bytes) in [
            ("memory.total_bytes", memory.total),
            ("memory.used_bytes", used),
            ("memory.available_bytes", available),
            ("memory.free_bytes", memory.free),
            ("memory.cached_bytes", cached),
            ("memory.buffers_bytes", memory.buffers),
            ("memory.shared_bytes", memory.shared),
            ("memory.dirty_bytes", memory.dirty),
            ("swap.total_bytes", memory.swap_total),
            ("swap.used_bytes", swap_used),
        ] {
            out.put_some(&[name], bytes.map(|bytes| bytes as f64));
        }
        out.put_some(&["memory.used_percent"], percent(used, memory.total));
        out.put_some(&["swap.used_percent"], percent(swap_used, memory.swap_total));
    }

    fn swap_traffic(
        &mut self,
        at: Instant,
        before: &Before,
        rate: Rate,
        out: &mut Out<'_>,
    ) -> Option<(u64, u64)> {
        let text = self.files.vmstat.read(at)?;
        let now = proc_text::vmstat(text, "pswpin").zip(proc_text::vmstat(text, "pswpout"))?;
        let page = rustix::param::page_size() as f64;
        let bytes = |before: u64, after: u64| rate.of(Some(before), Some(after)).map(|pages| pages * page);
        if let Some(before) = before.swap {
            out.put_some(&["swap.in_bytes_per_second"], bytes(before.0, now.0));
            out.put_some(&["swap.out_bytes_per_second"], bytes(before.1, now.1));
        }
        Some(now)
    }

    fn disks(&mut self, at: Instant, rate: Rate, out: &mut Out<'_>) {
        let Some(text) = self.files.disks.read(at) else { return };
        let mut seen = BTreeMap::new();
        for (name, counters) in proc_text::disks(text) {
            let used = counters != DiskCounters::default();
            if !used
                || seen.len() == limits::THINGS_MAX
                || !is_whole_device(&self.root, &mut self.whole_devices, name)
            {
                continue;
            }
            if let Some(before) = self.disks.get(name) {
                disk(&node_name(name), *before, counters, rate, out);
            }
            seen.insert(name.to_owned(), counters);
        }
        self.disks = seen;
        // Names of devices that are gone.
        if self.whole_devices.len() > 8 * limits::THINGS_MAX {
            self.whole_devices.clear();
        }
    }

    fn interfaces(&mut self, at: Instant, rate: Rate, out: &mut Out<'_>) {
        let Some(text) = self.files.interfaces.read(at) else { return };
        let mut seen = BTreeMap::new();
        for (name, counters) in proc_text::interfaces(text) {
            let idle = counters.received_packets == 0 && counters.sent_packets == 0;
            if idle || is_inner_interface(name) || seen.len() == limits::THINGS_MAX {
                continue;
            }
            if let Some(before) = self.interfaces.get(name) {
                interface(&node_name(name), *before, counters, rate, out);
            }
            seen.insert(name.to_owned(), counters);
        }
        self.interfaces = seen;
    }

    fn protocols(
        &mut self,
        at: Instant,
        before: &Before,
        rate: Rate,
        out: &mut Out<'_>,
    ) -> (Option<u64>, Option<u64>) {
        let Some(text) = self.files.snmp.read(at) else { return (None, None) };
        let counter =
            |group, name| proc_text::snmp(text, group, name).and_then(|number| u64::try_from(number).ok());
        let (retransmits, errors) = (counter("Tcp", "RetransSegs"), counter("Udp", "RcvbufErrors"));
        out.put_some(&["tcp.connections"], counter("Tcp", "CurrEstab").map(|number| number as f64));
        out.put_some(&["tcp.retransmits_per_second"], rate.of(before.tcp_retransmits, retransmits));
        out.put_some(&["udp.receive_buffer_errors_per_second"], rate.of(before.udp_buffer_errors, errors));
        (retransmits, errors)
    }

    fn pressure(
        &mut self,
        at: Instant,
        before: &Before,
        rate: Rate,
        out: &mut Out<'_>,
    ) -> [Option<Pressure>; 3] {
        let mut now = [None; 3];
        for (index, (what, file)) in self.files.pressure.iter_mut().enumerate() {
            let Some(pressure) = file.read(at).map(proc_text::pressure) else { continue };
            if let Some(before) = before.pressure[index] {
                // Microseconds a second.
                let share = |before, after| rate.of(before, after).map(|lost| (lost / 10_000.0).min(100.0));
                out.put_some(&["pressure.", what, ".some_percent"], share(before.some, pressure.some));
                out.put_some(&["pressure.", what, ".full_percent"], share(before.full, pressure.full));
            }
            now[index] = Some(pressure);
        }
        now
    }

    fn processes(&mut self, at: Instant, out: &mut Out<'_>) {
        let old =
            |(counted, _): &(Instant, u64)| at.duration_since(*counted) >= limits::COUNT_PROCESSES_EVERY;
        if self.processes.as_ref().is_none_or(old) {
            self.processes = count_processes(&self.root.join("proc")).map(|count| (at, count));
        }
        out.put_some(&["processes.total"], self.processes.map(|(_, count)| count as f64));
    }

    fn open_files(&mut self, at: Instant, out: &mut Out<'_>) {
        if let Some((open, limit)) = self.files.open_files.read(at).and_then(proc_text::open_files) {
            out.put(&["files.open"], open as f64);
            out.put_some(&["files.open_percent"], percent(Some(open), Some(limit)));
        }
    }

    fn uptime(&mut self, at: Instant, out: &mut Out<'_>) {
        out.put_some(&["system.uptime_seconds"], self.files.uptime.read(at).and_then(proc_text::uptime));
    }

    /// File systems and sensors, as they answered since the look before.
    fn ask_the_slow(&mut self, at: Instant, out: &mut Out<'_>) {
        if let Some(text) = self.files.mounts.read(at)
            && text != self.mounts.text
        {
            self.mounts = Mounts { text: text.to_owned(), file_systems: file_systems(&self.root, text) };
        }
        self.sensors.look(&self.root, at);
        let questions = [&self.mounts.file_systems[..], &self.sensors.found[..]].concat();
        for (name, answer) in self.probe.ask(questions, at).iter() {
            match answer {
                Answer::FileSystem(space) => file_system(name, *space, out),
                Answer::Celsius(degrees) => out.put(&["temperature.", name, ".celsius"], *degrees),
            }
        }
        out.put(&["filesystems.unresponsive"], self.probe.stuck() as f64);
    }
}

impl Before {
    fn nothing(at: Instant) -> Before {
        let pressure = [None; 3];
        Before { at, stat: None, swap: None, pressure, tcp_retransmits: None, udp_buffer_errors: None }
    }
}

impl Files {
    fn below(root: &Path) -> Files {
        let file = |path: &str| KeptFile::new(root.join("proc").join(path));
        Files {
            stat: file("stat"),
            load: file("loadavg"),
            memory: file("meminfo"),
            vmstat: file("vmstat"),
            disks: file("diskstats"),
            interfaces: file("net/dev"),
            snmp: file("net/snmp"),
            mounts: file("self/mountinfo"),
            open_files: file("sys/fs/file-nr"),
            uptime: file("uptime"),
            pressure: ["cpu", "io", "memory"].map(|what| (what, file(&format!("pressure/{what}")))),
        }
    }
}

/// The time since the look before, if there was one.
#[derive(Clone, Copy)]
struct Rate {
    seconds: Option<f64>,
}

impl Rate {
    /// `None` if either is not known, or the counter began anew.
    fn of(self, before: Option<u64>, after: Option<u64>) -> Option<f64> {
        Some(after?.checked_sub(before?)? as f64 / self.seconds?)
    }
}

fn percent(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|whole| *whole > 0)?;
    Some(part? as f64 / whole as f64 * 100.0)
}

/// Ticks between two looks.
struct CpuShares {
    ticks: CpuTimes,
    sum: u64,
}

impl CpuShares {
    /// Single counters may go back a little (iowait does); `None` if no time passed.
    fn between(before: CpuTimes, after: CpuTimes) -> Option<CpuShares> {
        let CpuTimes { user, nice, system, idle, iowait, irq, softirq, steal } = after;
        let ticks = CpuTimes {
            user: user.saturating_sub(before.user),
            nice: nice.saturating_sub(before.nice),
            system: system.saturating_sub(before.system),
            idle: idle.saturating_sub(before.idle),
            iowait: iowait.saturating_sub(before.iowait),
            irq: irq.saturating_sub(before.irq),
            softirq: softirq.saturating_sub(before.softirq),
            steal: steal.saturating_sub(before.steal),
        };
        let CpuTimes { user, nice, system, idle, iowait, irq, softirq, steal } = ticks;
        let sum = user + nice + system + idle + iowait + irq + softirq + steal;
        (sum > 0).then_some(CpuShares { ticks, sum })
    }

    fn percent(&self, ticks: u64) -> f64 {
        ticks as f64 / self.sum as f64 * 100.0
    }

    fn busy(&self) -> f64 {
        self.percent(self.sum - self.ticks.idle - self.ticks.iowait)
    }
}

fn cpu_shares(before: CpuTimes, after: CpuTimes, out: &mut Out<'_>) {
    let Some(shares) = CpuShares::between(before, after) else { return };
    out.put(&["cpu.busy_percent"], shares.busy());
    let CpuTimes { user, nice, system, idle, iowait, irq, softirq, steal } = shares.ticks;
    for (name, ticks) in [
        ("cpu.user_percent", user),
        ("cpu.nice_percent", nice),
        ("cpu.system_percent", system),
        ("cpu.idle_percent", idle),
        ("cpu.iowait_percent", iowait),
        ("cpu.irq_percent", irq),
        ("cpu.softirq_percent", softirq),
        ("cpu.steal_percent", steal),
    ] {
        out.put(&[name], shares.percent(ticks));
    }
}

fn disk(name: &str, before: DiskCounters, after: DiskCounters, rate: Rate, out: &mut Out<'_>) {
    let of = |counter: fn(&DiskCounters) -> u64| rate.of(Some(counter(&before)), Some(counter(&after)));
    let sector = proc_text::SECTOR_BYTES as f64;
    let mut put = |what: &str, value: Option<f64>| out.put_some(&["disk.", name, ".", what], value);
    put("reads_per_second", of(|disk| disk.reads));
    put("writes_per_second", of(|disk| disk.writes));
    put("read_bytes_per_second", of(|disk| disk.sectors_read).map(|sectors| sectors * sector));
    put("write_bytes_per_second", of(|disk| disk.sectors_written).map(|sectors| sectors * sector));
    // Milliseconds a second: a thousandth of it is the mean number, a tenth the share in percent.
    put("queue", of(|disk| disk.weighted_ms).map(|ms| ms / 1000.0));
    put("util_percent", of(|disk| disk.busy_ms).map(|ms| (ms / 10.0).min(100.0)));
    let mean =
        |ms: Option<f64>, requests: Option<f64>| Some(ms? / requests.filter(|requests| *requests > 0.0)?);
    let (reads, writes) = (of(|disk| disk.reads), of(|disk| disk.writes));
    let (read_ms, write_ms) = (of(|disk| disk.read_ms), of(|disk| disk.write_ms));
    let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b);
    put("await_ms", mean(sum(read_ms, write_ms), sum(reads, writes)));
    put("read_await_ms", mean(read_ms, reads));
    put("write_await_ms", mean(write_ms, writes));
}

fn interface(name: &str, before: NetCounters, after: NetCounters, rate: Rate, out: &mut Out<'_>) {
    let mut put = |what: &str, counter: fn(&NetCounters) -> u64| {
        let value = rate.of(Some(counter(&before)), Some(counter(&after)));
        out.put_some(&["network.", name, ".", what], value);
    };
    put("received_bytes_per_second", |net| net.received_bytes);
    put("received_packets_per_second", |net| net.received_packets);
    put("received_errors_per_second", |net| net.received_errors);
    put("received_drops_per_second", |net| net.received_drops);
    put("sent_bytes_per_second", |net| net.sent_bytes);
    put("sent_packets_per_second", |net| net.sent_packets);
    put("sent_errors_per_second", |net| net.sent_errors);
    put("sent_drops_per_second", |net| net.sent_drops);
}

/// The loopback carries nothing to or from the host; the others come and go with containers.
fn is_inner_interface(name: &str) -> bool {
    name == "lo" || ["veth", "cali", "ifb", "dummy"].iter().any(|kind| name.starts_with(kind))
}

/// /sys/block lists whole devices only, arrays and encrypted ones among them.
fn is_whole_device(root: &Path, known: &mut BTreeMap<String, bool>, name: &str) -> bool {
    if ["loop", "ram", "zram", "sr", "fd"].iter().any(|kind| is_numbered(name, kind)) {
        return false;
    }
    if let Some(known) = known.get(name) {
        return *known;
    }
    let whole = root.join("sys/block").join(name.replace('/', "!")).exists();
    known.insert(name.to_owned(), whole);
    whole
}

fn is_numbered(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn count_processes(directory: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(directory).ok()?;
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
    Some(entries.flatten().filter(|entry| is_process(&entry.file_name())).count() as u64)
}

/// File systems that hold data on a disk of this host or of another one.
const LOCAL: [&str; 16] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "nilfs2", "bcachefs", "zfs", "vfat",
    "exfat", "ntfs", "ntfs3", "fuseblk",
];
const REMOTE: [&str; 9] =
    ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "lustre", "fuse.sshfs", "fuse.glusterfs"];

fn file_systems(root: &Path, text: &str) -> Questions {
    let mut by_device: BTreeMap<String, proc_text::Mount> = BTreeMap::new();
    for mount in proc_text::mounts(text) {
        let kind = mount.kind.as_str();
        let container_root = mount.path == "/" && kind == "overlay";
        if !container_root && !LOCAL.contains(&kind) && !REMOTE.contains(&kind) {
            continue;
        }
        // Mounted over the same path, the later one is seen.
        by_device.retain(|device, earlier| *device == mount.device || earlier.path != mount.path);
        let shorter =
            |known: &proc_text::Mount| (mount.path.len(), &mount.path) < (known.path.len(), &known.path);
        if by_device.get(&mount.device).is_none_or(shorter) {
            by_device.insert(mount.device.clone(), mount);
        }
    }
    let mut questions: Questions = by_device
        .into_values()
        .map(|mount| {
            let path = root.join(mount.path.trim_start_matches('/'));
            (mount_name(&mount.path), Question::FileSystem { path })
        })
        .collect();
    questions.sort_unstable();
    questions.dedup_by(|later, earlier| later.0 == earlier.0);
    questions.truncate(limits::THINGS_MAX);
    questions
}

fn mount_name(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "root".into(),
        path => node_name(path),
    }
}

fn file_system(name: &str, space: Space, out: &mut Out<'_>) {
    let Space { size, free, available, files, files_free } = space;
    let used = size.saturating_sub(free);
    let mut put = |what: &str, value: Option<f64>| out.put_some(&["filesystem.", name, ".", what], value);
    put("size_bytes", Some(size as f64));
    put("used_bytes", Some(used as f64));
    put("available_bytes", Some(available as f64));
    // What is kept for root counts as neither, as `df` and psutil have it.
    put("used_percent", percent(Some(used), Some(used + available)));
    put("inodes_used_percent", percent(Some(files.saturating_sub(files_free)), Some(files)));
}

impl Sensors {
    fn look(&mut self, root: &Path, at: Instant) {
        let recent = |looked: Instant| at.duration_since(looked) < limits::LOOK_AGAIN_AFTER;
        if self.looked.is_some_and(recent) {
            return;
        }
        self.looked = Some(at);
        self.found = sensors(&root.join("sys/class/hwmon"));
    }
}

fn sensors(directory: &Path) -> Questions {
    let entries = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let text = |path: PathBuf| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let mut found = Questions::new();
    for chip in entries(directory) {
        let Some(chip_name) = text(chip.join("name")) else { continue };
        // Asking a sleeping disk for its temperature may wake it up.
        if chip_name == "drivetemp" {
            continue;
        }
        for path in entries(&chip) {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(sensor) = file.strip_suffix("_input").filter(|sensor| sensor.starts_with("temp")) else {
                continue;
            };
            let label = text(chip.join(format!("{sensor}_label"))).unwrap_or_else(|| sensor.to_owned());
            found.push((node_name(&format!("{chip_name}_{label}")), Question::Temperature { path }));
        }
    }
    found.sort_unstable();
    found.dedup_by(|later, earlier| later.0 == earlier.0);
    found.truncate(limits::THINGS_MAX);
    found
}

/// What this machine is called in the names of series.
pub fn machine_name(config: &CollectorsConfig) -> String {
    match config.host_name.as_str() {
        "" => node_name(&rustix::system::uname().nodename().to_string_lossy()),
        name => node_name(name),
    }
}

/// One node of a series' name.
fn node_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    match text {
        "" => "_".into(),
        text => text.chars().map(plain).collect(),
    }
}

/// For whoever runs the collector: how long until the next look, so that looks fall on multiples of the interval.
pub fn until_next(interval: Duration, since_epoch: Duration) -> Duration {
    let interval = interval.as_millis().max(1);
    let into = since_epoch.as_millis() % interval;
    Duration::from_millis((interval - into) as u64)
}

#[cfg(test)]
mod tests;
