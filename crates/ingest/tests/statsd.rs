//! StatsD's listeners, its journal and what a restart makes of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use ::statsd::config::{RepeaterProtocol, RepeaterTarget, UnixPath};
use ingest::Settings;
use vocabulary::settings::Listen;
use vocabulary::time::HumanDuration;

use crate::support::{self, NOW, Running, any_port, bad, quiet, start, start_in, wait_until};

fn all() -> Settings {
    let mut settings = quiet();
    let statsd = &mut settings.statsd;
    (statsd.udp, statsd.tcp, statsd.admin) = (any_port(), any_port(), any_port());
    settings
}

fn every_ten_seconds() -> Settings {
    let mut settings = all();
    settings.statsd.flush_interval =
        statsd::config::FlushInterval::new(HumanDuration::from_secs(10)).unwrap();
    settings
}

fn samples(running: &Running, name: &str) -> u64 {
    running.stats(name).totals.samples
}

fn ask(running: &Running, command: &str) -> String {
    let mut stream = running.connect("statsd.admin");
    stream.write_all(command.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn datagrams_and_lines_are_flushed_together() {
    let running = start(all());
    running.send_datagram("statsd.udp", b"hits:1|c\nhits:2|c");
    running.send("statsd.tcp", b"hits:4|c\nlatency:20|ms\nhalf");
    wait_until("both", || samples(&running, "statsd.udp") == 2 && samples(&running, "statsd.tcp") == 2);
    wait_until("the end", || bad(&running.stats("statsd.tcp")) == [("unterminated", 1)]);
    running.ingest.flush(vocabulary::Timestamp(NOW + 1));
    assert_eq!(running.value("stats_counts.hits", NOW + 1), Some(7.0));
    assert_eq!(running.value("stats.timers.latency.upper", NOW + 1), Some(20.0));
    assert_eq!(*running.memory.sketches.lock(), ["stats.timers.latency"]);
    let flushed = running.flushed.lock();
    assert_eq!((flushed.len(), flushed[0].time.0), (1, NOW + 1));
    assert_eq!(flushed[0].points.stored as usize, running.points().len());
}

#[test]
fn bad_lines_are_shown_with_their_source() {
    let running = start(all());
    running.send_datagram("statsd.udp", b"good:1|c\nbad:x|c\nworse");
    wait_until("all", || running.stats("statsd.udp").totals.samples == 1);
    let stats = running.stats("statsd.udp");
    assert_eq!(bad(&stats), [("statsd", 2)]);
    assert_eq!(
        (stats.bad_lines[0].sample.as_str(), stats.bad_lines[0].reason.as_str()),
        ("bad:x|c", "value")
    );
    assert_eq!(stats.bad_lines[0].source, Some("127.0.0.1".parse().unwrap()));
}

#[test]
fn a_unix_socket_takes_datagrams_and_goes_with_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("statsd.sock");
    let mut settings = all();
    settings.statsd.unix = UnixPath(Some(path.clone()));
    let running = start(settings);
    let client = UnixDatagram::unbound().unwrap();
    client.send_to(b"hits:1|c", &path).unwrap();
    client.send_to(&[b'x'; 100_000], &path).unwrap();
    wait_until("both", || running.stats("statsd.unix").totals.packets == 2);
    let stats = running.stats("statsd.unix");
    assert_eq!((stats.address.as_str(), stats.totals.samples), (path.to_str().unwrap(), 1));
    assert_eq!(bad(&stats), [("too_long", 1)]);
    running.ingest.stop();
    assert!(!path.exists());
}

#[test]
fn the_admin_port_answers_and_quits() {
    let running = start(all());
    running.send_datagram("statsd.udp", b"temperature:20|g");
    wait_until("the gauge", || samples(&running, "statsd.udp") == 1);
    assert_eq!(ask(&running, "gauges\nquit\n"), "{ temperature: 20 }\nEND\n\n");
    assert_eq!(ask(&running, "health up\r\nnonsense\nquit"), "health: up\nERROR\n");
    let mut stream = running.connect("statsd.admin");
    stream.write_all(b"health").unwrap();
    let mut answer = [0; 11];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"health: up\n", "without an end of the line, as the original");
}

#[test]
fn flushes_come_on_time_and_stop_with_the_listeners() {
    let mut settings = all();
    let mut running = start(settings.clone());
    let seconds = std::cell::Cell::new(NOW as u64);
    let pass = || {
        seconds.set(seconds.get() + 3);
        running.clock.set(seconds.get() * 1000 + 20);
    };
    wait_until("two flushes", || {
        pass();
        running.flushed.lock().len() >= 2
    });
    let times: Vec<_> = running.flushed.lock().iter().map(|flushed| flushed.time.0).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "the latest of those that were due: {times:?}");
    let statsd = &mut settings.statsd;
    (statsd.udp, statsd.tcp, statsd.admin) = (Listen::Off, Listen::Off, Listen::Off);
    running.ingest.reload(settings).unwrap();
    let before = running.flushed.lock().len();
    running.clock.set((seconds.get() + 9) * 1000);
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert_eq!(running.flushed.lock().len(), before);
}

#[test]
fn packets_are_repeated_to_other_servers() {
    for protocol in [RepeaterProtocol::Udp4, RepeaterProtocol::Tcp] {
        let other = start(all());
        let name = if protocol == RepeaterProtocol::Tcp { "statsd.tcp" } else { "statsd.udp" };
        let mut settings = all();
        settings.statsd.repeater =
            vec![RepeaterTarget { host: "127.0.0.1".into(), port: other.address(name).port() }];
        settings.statsd.repeater_protocol = protocol;
        let running = start(settings);
        running.send_datagram("statsd.udp", b"a:1|c\nb:2|c");
        running.send("statsd.tcp", b"c:3|c\n");
        wait_until("all three", || samples(&other, name) == 3);
        wait_until("the counts", || running.ingest.repeater_stats()[0].sent == 2);
    }
}

fn segments(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory.join("statsd")).unwrap();
    files
        .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|name| name == "journal"))
        .count()
}

/// As `kill -9` does: nothing is stopped, flushed or closed. The process goes on while its files are copied, so a copy
/// during which one of them changed is no state it could have been killed in, and is made again.
fn kill(running: Running, directory: &Path) -> tempfile::TempDir {
    let directory = directory.join("statsd");
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("statsd");
    wait_until("a copy of one moment", || {
        let _ = std::fs::remove_dir_all(&copied);
        std::fs::create_dir(&copied).unwrap();
        let before = files(&directory);
        let whole = before.keys().all(|name| std::fs::copy(directory.join(name), copied.join(name)).is_ok());
        whole && files(&directory) == before
    });
    drop(running);
    copy
}

/// Each file's length and when it was last written, without those that go while they are listed.
fn files(directory: &Path) -> BTreeMap<OsString, (u64, SystemTime)> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let seen = entries.filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?)));
    seen.map(|(name, file)| (name, (file.len(), file.modified().unwrap()))).collect()
}

fn written(running: &Running) -> u64 {
    running.ingest.journal_stats().written_bytes
}

/// Sends and waits until it is in the journal's file, which takes at most 10 ms.
fn send_and_see_it_written(running: &Running, packet: &[u8]) {
    let before = written(running);
    running.send_datagram("statsd.udp", packet);
    wait_until("the journal", || written(running) > before);
}

#[test]
fn what_a_killed_process_had_received_is_flushed_under_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let begin = 1_700_000_000_300;
    let running = start_in(all(), Some(directory.path()), begin);
    send_and_see_it_written(&running, b"hits:5|c\nlevel:7|g\nlevel:+1|g");
    running.send("statsd.tcp", b"hits:2|c\n");
    wait_until("the line", || samples(&running, "statsd.tcp") == 1);
    let copy = kill(running, directory.path());

    let again = start_in(all(), Some(copy.path()), begin + 60_000);
    assert_eq!(again.value("stats_counts.hits", 1_700_000_001), Some(7.0));
    assert_eq!(again.value("stats.gauges.level", 1_700_000_001), Some(8.0));
    let recovered = again.ingest.recovered();
    assert_eq!((recovered.segments, recovered.records, recovered.lost_bytes), (1, 2, 0));
    wait_until("the segment to go", || segments(copy.path()) == 0);
}

#[test]
fn an_interval_goes_on_after_a_restart_within_it() {
    for clean in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let running = start_in(every_ten_seconds(), Some(directory.path()), 1_700_000_001_000);
        send_and_see_it_written(&running, b"hits:5|c\nlevel:+1|g");
        let copy = if clean {
            let memory = Arc::clone(&running.memory);
            running.ingest.stop();
            let points = memory.points.lock();
            assert!(points.contains(&("stats_counts.hits".into(), 1_700_000_010, 5.0)), "{points:?}");
            directory
        } else {
            kill(running, directory.path())
        };
        let again = start_in(every_ten_seconds(), Some(copy.path()), 1_700_000_004_000);
        assert_eq!(again.points(), [], "nothing is due yet");
        send_and_see_it_written(&again, b"hits:2|c\nlevel:+1|g");
        // A third process in the same interval.
        let third = start_in(every_ten_seconds(), Some(kill(again, copy.path()).path()), 1_700_000_011_000);
        assert_eq!(third.value("stats_counts.hits", 1_700_000_010), Some(7.0), "clean: {clean}");
        assert_eq!(third.value("stats.gauges.level", 1_700_000_010), Some(2.0), "clean: {clean}");
    }
}

/// Sketches add up in the store, so an interval's are told once, whatever ends it.
#[test]
fn distributions_are_told_once() {
    let begin = 1_700_000_001_000;
    let told =
        |running: &Running| (running.memory.sketches.lock().len(), running.memory.taken.lock().clone());
    let directory = tempfile::tempdir().unwrap();
    let running = start_in(every_ten_seconds(), Some(directory.path()), begin);
    send_and_see_it_written(&running, b"latency:20|ms");
    let memory = Arc::clone(&running.memory);
    running.ingest.stop();
    assert!(memory.sketches.lock().is_empty(), "the next start tells it with what comes then");
    assert!(!memory.points.lock().is_empty());

    // Killed after the flush, before its segments went: told again, under the same number.
    let again = start_in(every_ten_seconds(), Some(directory.path()), begin + 3_000);
    send_and_see_it_written(&again, b"latency:30|ms");
    assert_eq!(segments(directory.path()), 2);
    let copy = {
        let copy = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("statsd"), copy.path().join("statsd"));
        std::fs::create_dir(&to).unwrap();
        for name in files(&from).keys() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
        copy
    };
    again.ingest.flush(vocabulary::Timestamp(1_700_000_010));
    let (sketches, taken) = told(&again);
    assert_eq!((sketches, taken.len()), (1, 1), "both samples are in one distribution");
    let settings = every_ten_seconds();
    let clock = support::Standing::at(begin + 60_000);
    let ports = support::ports(&again.memory, &clock, &settings, Some(copy.path()));
    let third = ingest::Ingest::start(settings, ports).unwrap();
    assert_eq!(third.recovered().segments, 2);
    assert_eq!(told(&again), (1, taken.clone()));
    third.stop();

    // Nothing of the journal is left: numbers go on above what the store knows.
    let empty = tempfile::tempdir().unwrap();
    let settings = every_ten_seconds();
    let ports = support::ports(&again.memory, &clock, &settings, Some(empty.path()));
    let fourth = ingest::Ingest::start(settings, ports).unwrap();
    let before = fourth.journal_stats().written_bytes;
    let address = fourth.stats().into_iter().find(|listener| listener.name == "statsd.udp").unwrap().address;
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"latency:40|ms", address.as_str()).unwrap();
    wait_until("the journal", || fourth.journal_stats().written_bytes > before);
    fourth.flush(vocabulary::Timestamp(1_700_000_070));
    let (sketches, numbers) = told(&again);
    assert_eq!((sketches, numbers.len()), (2, 2));
    assert!(numbers[1] > taken[0], "{numbers:?}");
}

#[test]
fn gauges_keep_their_values_and_changes_are_not_made_twice() {
    let directory = tempfile::tempdir().unwrap();
    let start_at = |directory: &Path, second: u64| start_in(all(), Some(directory), second * 1000 + 100);
    let running = start_at(directory.path(), 1_700_000_000);
    send_and_see_it_written(&running, b"level:10|g\nlevel:+5|g\ngone:1|g");
    running.ingest.flush(vocabulary::Timestamp(1_700_000_001));
    assert!(ask(&running, "delgauges gone\nquit\n").starts_with("deleted: gone"));
    let copy = kill(running, directory.path());
    let again = start_at(copy.path(), 1_700_000_005);
    send_and_see_it_written(&again, b"level:+1|g");
    again.ingest.flush(vocabulary::Timestamp(1_700_000_006));
    assert_eq!(again.value("stats.gauges.level", 1_700_000_006), Some(16.0));
    assert_eq!(again.value("stats.gauges.gone", 1_700_000_006), None);
    wait_until("the log to be written", || segments(copy.path()) == 0);
    let last = start_at(kill(again, copy.path()).path(), 1_700_000_009);
    assert_eq!(last.ingest.recovered().segments, 0);
    last.ingest.flush(vocabulary::Timestamp(1_700_000_010));
    assert_eq!(last.value("stats.gauges.level", 1_700_000_010), Some(16.0));
    assert_eq!(last.value("stats.gauges.gone", 1_700_000_010), None);
}

#[test]
fn nothing_is_lost_when_senders_flood() {
    let running = start(all());
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(running.address("statsd.udp")).unwrap();
    let sent = 50_000;
    for n in 0..sent {
        sender.send(format!("flood.{}:1|c", n % 100).as_bytes()).unwrap();
    }
    let seen = || {
        let stats = running.stats("statsd.udp");
        stats.totals.samples + stats.kernel_drops.unwrap()
    };
    wait_until("everything", || seen() == sent);
    running.ingest.flush(vocabulary::Timestamp(NOW + 1));
    let total: f64 =
        (0..100).filter_map(|n| running.value(&format!("stats_counts.flood.{n}"), NOW + 1)).sum();
    assert_eq!(total as u64, running.stats("statsd.udp").totals.samples);
}

#[test]
fn garbage_on_every_listener_is_counted_and_survived() {
    let running = start(all());
    let mut state = 12345u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for _ in 0..300 {
        let garbage: Vec<u8> = (0..500).map(|_| random()).collect();
        running.send_datagram("statsd.udp", &garbage);
        running.send("statsd.tcp", &garbage);
        running.send("statsd.admin", &garbage);
    }
    running.send("statsd.tcp", b"\nfine:1|c\n");
    wait_until("the last line", || {
        running.ingest.flush(vocabulary::Timestamp(NOW + 1));
        running.names().iter().any(|name| name == "stats_counts.fine")
    });
}
