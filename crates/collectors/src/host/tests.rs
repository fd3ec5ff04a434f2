//! A made-up host in a directory, looked at twice.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::*;
use crate::metrics;

const FIRST: &[(&str, &str)] = &[
    (
        "proc/stat",
        "cpu 100 10 50 1000 40 0 0 0 0 0\ncpu0 50 5 25 500 20 0 0 0 0 0\ncpu1 50 5 25 500 20 0 0 0 0 0\nintr 1000 1\nctxt 2000\nprocesses 300\nprocs_running 2\nprocs_blocked 1\n",
    ),
    ("proc/loadavg", "0.50 0.40 0.30 1/150 999\n"),
    (
        "proc/meminfo",
        "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 10 kB\nCached: 300 kB\nSReclaimable: 50 kB\nShmem: 5 kB\nDirty: 7 kB\nSwapTotal: 200 kB\nSwapFree: 150 kB\n",
    ),
    ("proc/vmstat", "pswpin 10\npswpout 20\n"),
    (
        "proc/diskstats",
        "8 0 sda 100 0 2000 500 50 0 1000 250 0 600 750\n8 1 sda1 100 0 2000 500 50 0 1000 250 0 600 750\n7 0 loop0 1 0 0 0 0 0 0 0 0 0 0\n8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n104 0 cciss/c0d0 1 0 8 1 0 0 0 0 0 1 1\n",
    ),
    (
        "proc/net/dev",
        "h\nh\n lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\neth0: 1000 10 1 2 0 0 0 0 500 5 3 4 0 0 0 0\nveth1: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\neth1: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\nbr.7: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
    ),
    ("proc/net/snmp", "Tcp: CurrEstab RetransSegs\nTcp: 12 100\nUdp: RcvbufErrors\nUdp: 5\n"),
    ("proc/pressure/cpu", "some avg10=0 total=1000000\nfull avg10=0 total=0\n"),
    ("proc/pressure/io", "some avg10=0 total=0\nfull avg10=0 total=0\n"),
    ("proc/pressure/memory", "some avg10=0 total=0\nfull avg10=0 total=0\n"),
    ("proc/sys/fs/file-nr", "500 0 1000\n"),
    ("proc/uptime", "12345.67 1\n"),
    (
        "proc/self/mountinfo",
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /tmp rw - tmpfs tmpfs rw\n3 1 8:1 /x /very/long/bind rw - ext4 /dev/sda1 rw\n",
    ),
    ("proc/1/stat", ""),
    ("proc/22/stat", ""),
    ("sys/block/sda/size", "1"),
    ("sys/block/cciss!c0d0/size", "1"),
    ("sys/class/hwmon/hwmon0/name", "coretemp\n"),
    ("sys/class/hwmon/hwmon0/temp1_input", "41000\n"),
    ("sys/class/hwmon/hwmon0/temp1_label", "Package id 0\n"),
    ("sys/class/hwmon/hwmon1/name", "drivetemp\n"),
    ("sys/class/hwmon/hwmon1/temp1_input", "30000\n"),
];

/// Two seconds later.
const SECOND: &[(&str, &str)] = &[
    (
        "proc/stat",
        "cpu 150 10 90 1080 70 0 0 0 0 0\ncpu0 100 5 25 550 20 0 0 0 0 0\ncpu1 50 5 65 530 50 0 0 0 0 0\nintr 1400 1\nctxt 2600\nprocesses 310\nprocs_running 3\nprocs_blocked 0\n",
    ),
    ("proc/vmstat", "pswpin 14\npswpout 20\n"),
    (
        "proc/diskstats",
        "8 0 sda 120 0 2400 600 70 0 1800 450 0 1600 3750\n8 1 sda1 120 0 2400 600 70 0 1800 450 0 1600 3750\n104 0 cciss/c0d0 1 0 8 1 0 0 0 0 0 1 1\n",
    ),
    (
        "proc/net/dev",
        "h\nh\neth0: 3000 20 1 4 0 0 0 0 400 9 3 4 0 0 0 0\nbr.7: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
    ),
    ("proc/net/snmp", "Tcp: CurrEstab RetransSegs\nTcp: 14 110\nUdp: RcvbufErrors\nUdp: 5\n"),
    ("proc/pressure/cpu", "some avg10=0 total=1500000\nfull avg10=0 total=0\n"),
];

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn look(collector: &mut HostCollector, at: Instant) -> BTreeMap<String, f64> {
    let mut batch = PointBatch::default();
    collector.sample(Timestamp(1000), at, &mut batch);
    let named = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    assert!(batch.iter().all(|point| point.time == Timestamp(1000)));
    batch
        .iter()
        .map(|point| (named(point.name).strip_prefix("host.web_1.").unwrap().to_owned(), point.value))
        .collect()
}

fn config() -> CollectorsConfig {
    CollectorsConfig { host_name: "web.1".into(), per_core: true, ..CollectorsConfig::default() }
}

/// The names and values of a second look, with what the probe answers.
fn two_looks() -> BTreeMap<String, f64> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, FIRST);
    let begun = Instant::now();
    let mut collector = HostCollector::below(root, &config());
    let first = look(&mut collector, begun);
    assert!(
        !first.keys().any(|name| name.contains("per_second") || name.contains("cpu.user")),
        "no rates yet"
    );
    let probed = |collector: &HostCollector| {
        let questions = [&collector.mounts.file_systems[..], &collector.sensors.found[..]].concat();
        collector.probe.ask(questions, begun).len() == 2
    };
    while !probed(&collector) {
        assert!(begun.elapsed() < Duration::from_secs(20), "no answer");
        std::thread::sleep(Duration::from_millis(1));
    }
    write(root, SECOND);
    let second = look(&mut collector, begun + Duration::from_secs(2));
    assert_eq!(collector.stats().samples, 2);
    assert_eq!(collector.stats().points as usize, first.len() + second.len());
    second
}

#[test]
fn rates_and_levels() {
    let seen = two_looks();
    for (name, wanted) in [
        ("cpu.user_percent", 25.0),
        ("cpu.system_percent", 20.0),
        ("cpu.idle_percent", 40.0),
        ("cpu.iowait_percent", 15.0),
        ("cpu.busy_percent", 45.0),
        ("cpu.core0.busy_percent", 50.0),
        ("cpu.cores", 2.0),
        ("load.5m", 0.4),
        ("processes.threads", 150.0),
        ("processes.total", 2.0),
        ("processes.running", 3.0),
        ("processes.forks_per_second", 5.0),
        ("system.context_switches_per_second", 300.0),
        ("system.interrupts_per_second", 200.0),
        ("system.uptime_seconds", 12345.67),
        ("memory.used_bytes", 400.0 * 1024.0),
        ("memory.cached_bytes", 350.0 * 1024.0),
        ("memory.used_percent", 40.0),
        ("swap.used_percent", 25.0),
        ("swap.in_bytes_per_second", 2.0 * rustix::param::page_size() as f64),
        ("swap.out_bytes_per_second", 0.0),
        ("disk.sda.reads_per_second", 10.0),
        ("disk.sda.write_bytes_per_second", 400.0 * 512.0),
        ("disk.sda.await_ms", 7.5),
        ("disk.sda.read_await_ms", 5.0),
        ("disk.sda.write_await_ms", 10.0),
        ("disk.sda.queue", 1.5),
        ("disk.sda.util_percent", 50.0),
        ("disk.cciss_c0d0.util_percent", 0.0),
        ("network.eth0.received_bytes_per_second", 1000.0),
        ("network.eth0.received_drops_per_second", 1.0),
        ("network.eth0.sent_packets_per_second", 2.0),
        ("network.br_7.sent_packets_per_second", 0.0),
        ("tcp.connections", 14.0),
        ("tcp.retransmits_per_second", 5.0),
        ("udp.receive_buffer_errors_per_second", 0.0),
        ("pressure.cpu.some_percent", 25.0),
        ("files.open_percent", 50.0),
        ("filesystems.unresponsive", 0.0),
        ("temperature.coretemp_Package_id_0.celsius", 41.0),
    ] {
        let got = seen.get(name).copied().unwrap_or(f64::NAN);
        assert!((got - wanted).abs() < 1e-9, "{name}: {got}, not {wanted}");
    }
    for absent in [
        "disk.sda1.queue",
        "disk.sdb.queue",
        "disk.loop0.queue",
        "disk.cciss_c0d0.await_ms",
        "network.lo.sent_bytes_per_second",
        "network.veth1.sent_bytes_per_second",
        "network.eth1.sent_bytes_per_second",
        // The counter went backwards.
        "network.eth0.sent_bytes_per_second",
        "filesystem.tmp.size_bytes",
        "filesystem.very_long_bind.size_bytes",
        "temperature.drivetemp_temp1.celsius",
    ] {
        assert!(!seen.contains_key(absent), "{absent}");
    }
}

#[test]
fn every_name_is_documented_and_every_documented_name_exists() {
    let seen = two_looks();
    let mut found = BTreeSet::new();
    for name in seen.keys() {
        let doc =
            metrics::doc_of(&format!("host.x.{name}")).unwrap_or_else(|| panic!("{name} is not documented"));
        found.insert(doc.pattern);
    }
    let missing: Vec<_> =
        metrics::METRICS.iter().map(|doc| doc.pattern).filter(|doc| !found.contains(doc)).collect();
    // A file system without a limit of files, as the one of the test may be, has no share of them.
    assert!(missing.is_empty() || missing == ["filesystem.*.inodes_used_percent"], "{missing:?}");
}

#[test]
fn a_host_without_anything_gives_next_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut collector = HostCollector::below(directory.path(), &config());
    for step in 0..3 {
        let seen = look(&mut collector, Instant::now() + Duration::from_secs(step));
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["filesystems.unresponsive"]);
    }
}

#[test]
fn which_file_systems_count() {
    let names = |text: &str| {
        let names = file_systems(Path::new("/"), text).into_iter().map(|(name, _)| name);
        names.collect::<Vec<_>>().join(" ")
    };
    let check = |mounts: &[(&str, &str, &str)], wanted: &str| {
        let lines =
            mounts.iter().map(|(device, path, kind)| format!("1 1 {device} / {path} rw - {kind} x rw\n"));
        assert_eq!(names(&lines.collect::<String>()), wanted, "{mounts:?}");
    };
    check(&[("8:1", "/", "ext4"), ("8:2", "/home", "xfs"), ("0:9", "/snap/x", "squashfs")], "home root");
    check(&[("0:5", "/", "overlay"), ("8:1", "/etc/hosts", "ext4")], "etc_hosts root");
    check(&[("8:1", "/", "ext4"), ("0:6", "/var/lib/docker/overlay2/abc/merged", "overlay")], "root");
    check(&[("0:7", "/mnt/nas", "nfs4"), ("0:8", "/run", "tmpfs")], "mnt_nas");
    check(&[("8:1", "/data", "ext4"), ("8:1", "/d", "ext4")], "d");
    check(&[("8:1", "/data", "ext4"), ("8:2", "/data", "xfs")], "data");
    check(&[], "");
}

#[test]
fn looks_fall_on_multiples_of_the_interval() {
    let check = |interval: u64, now: u64, wanted: u64| {
        let (interval, now) = (Duration::from_millis(interval), Duration::from_millis(now));
        assert_eq!(until_next(interval, now), Duration::from_millis(wanted));
    };
    check(1000, 1_700_000_000_250, 750);
    check(1000, 1_700_000_000_000, 1000);
    check(10_000, 1_700_000_004_000, 6000);
}
