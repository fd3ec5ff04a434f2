//! Carbon's listeners.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use ingest::config::{ForwardConfig, ForwardProtocol};
use ingest::{Ingest, Settings};
use vocabulary::ports::WriteReport;
use vocabulary::settings::Listen;
use vocabulary::time::HumanDuration;

use crate::support::{NOW, Running, any_port, bad, ports, quiet, start, wait_until};

fn all() -> Settings {
    let mut settings = quiet();
    let carbon = &mut settings.carbon;
    (carbon.line, carbon.udp, carbon.pickle) = (any_port(), any_port(), any_port());
    settings
}

/// points = stored + dropped with a reason, lines = points + bad.
fn adds_up(running: &Running, name: &str) {
    let totals = running.stats(name).totals;
    let WriteReport { stored, volatile, .. } = totals.points;
    assert_eq!(totals.lines, stored + volatile + totals.points.dropped() + totals.bad_sum(), "{totals:?}");
}

fn frame(pickle: &[u8]) -> Vec<u8> {
    [&(pickle.len() as u32).to_be_bytes()[..], pickle].concat()
}

/// `[(name, (1, 2.5))]` in protocol 2.
fn pickle(name: &str) -> Vec<u8> {
    let mut pickle = b"\x80\x02]q\x00X".to_vec();
    pickle.extend((name.len() as u32).to_le_bytes());
    pickle.extend(name.as_bytes());
    pickle.extend(b"q\x01K\x01G@\x04\x00\x00\x00\x00\x00\x00\x86q\x02\x86q\x03a.");
    pickle
}

#[test]
fn lines_become_points_and_the_rest_is_counted() {
    let running = start(all());
    running.send(
        "carbon.line",
        b"a.b 1.5 1\r\nnow 2 -1\nrefused.x 1 1\n\nx\ny z 1\nw nan 1\n\xff 1 1\ntail 1 1",
    );
    wait_until("the end of the connection", || running.stats("carbon.line").totals.lines == 9);
    assert_eq!(running.points(), [("a.b".to_owned(), 1, 1.5), ("now".into(), NOW, 2.0)]);
    let stats = running.stats("carbon.line");
    let wanted = [("blank", 1), ("fields", 1), ("utf8", 1), ("value", 1), ("nan", 1), ("unterminated", 1)];
    assert_eq!(bad(&stats), wanted);
    assert_eq!((stats.totals.points.stored, stats.totals.points.refused_name), (2, 1));
    adds_up(&running, "carbon.line");
    let shown: Vec<_> =
        stats.bad_lines.iter().map(|line| (line.reason.as_str(), line.sample.as_str())).collect();
    assert_eq!(shown, [("the line is blank", ""), ("the connection ended within the line", "tail 1 1")]);
    assert_eq!(stats.bad_lines[0].source, Some("127.0.0.1".parse().unwrap()));
}

#[test]
fn a_line_may_come_in_any_pieces() {
    let running = start(all());
    let mut stream = running.connect("carbon.line");
    stream.set_nodelay(true).unwrap();
    for byte in b"pieces.of.a.line 1 1\nsecond 2 2\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    running.wait_for_stored("carbon.line", 2);
    assert_eq!(running.names(), ["pieces.of.a.line", "second"]);
    let totals = running.stats("carbon.line").totals;
    assert_eq!((totals.lines, totals.bytes, totals.bad_sum()), (2, 32, 0));
}

#[test]
fn a_line_without_an_end_costs_no_memory_and_only_itself() {
    let running = start(all());
    let mut stream = running.connect("carbon.line");
    let piece = vec![b'x'; 1 << 20];
    stream.write_all(b"before 1 1\n").unwrap();
    for _ in 0..32 {
        stream.write_all(&piece).unwrap();
    }
    stream.write_all(b"\nafter 2 2\n").unwrap();
    running.wait_for_stored("carbon.line", 2);
    assert_eq!(running.names(), ["before", "after"]);
    let stats = running.stats("carbon.line");
    assert_eq!(bad(&stats), [("too_long", 1)]);
    assert_eq!(stats.bad_lines[0].sample, "x".repeat(100));
    adds_up(&running, "carbon.line");
}

#[test]
fn complete_lines_obey_the_limit_too() {
    let mut settings = all();
    settings.carbon.max_line_bytes = 64;
    let running = start(settings);
    let long = format!("{} 1 1\n", "n".repeat(64));
    running.send("carbon.line", format!("{long}short 1 1\n").as_bytes());
    running.send_datagram("carbon.udp", long.as_bytes());
    running.wait_for_stored("carbon.line", 1);
    assert_eq!(running.names(), ["short"]);
    assert_eq!(bad(&running.stats("carbon.line")), [("too_long", 1)]);
    wait_until("the datagram", || bad(&running.stats("carbon.udp")) == [("too_long", 1)]);
}

#[test]
fn datagrams_hold_lines() {
    let running = start(all());
    running.send_datagram("carbon.udp", b"a 1 1\nb 2 2");
    running.send_datagram("carbon.udp", b"c 3 3\r\nbad\n");
    running.wait_for_stored("carbon.udp", 3);
    let stats = running.stats("carbon.udp");
    assert_eq!((stats.totals.packets, stats.totals.lines, stats.kernel_drops), (2, 4, Some(0)));
    assert_eq!(bad(&stats), [("fields", 1)]);
    adds_up(&running, "carbon.udp");
}

#[test]
fn pickles_become_points_in_any_pieces() {
    let running = start(all());
    let bytes = [frame(&pickle("a")), frame(&pickle(&"long".repeat(20_000))), frame(&pickle("c"))].concat();
    let mut stream = running.connect("carbon.pickle");
    stream.set_nodelay(true).unwrap();
    for piece in bytes.chunks(4_999) {
        stream.write_all(piece).unwrap();
    }
    running.wait_for_stored("carbon.pickle", 3);
    assert_eq!(running.points()[2], ("c".to_owned(), 1, 2.5));
    let totals = running.stats("carbon.pickle").totals;
    assert_eq!((totals.packets, totals.bytes), (3, bytes.len() as u64));
    adds_up(&running, "carbon.pickle");
}

#[test]
fn a_bad_pickle_costs_itself_and_a_long_one_the_connection() {
    let running = start(all());
    let mut stream = running.connect("carbon.pickle");
    stream.write_all(&frame(b"cos\nsystem\n(S'true'\ntR.")).unwrap();
    stream.write_all(&frame(b"(lp0\nI5\na.")).unwrap();
    stream.write_all(&frame(&pickle("good"))).unwrap();
    running.wait_for_stored("carbon.pickle", 1);
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(stream.read(&mut [0; 10]).unwrap_or(0), 0, "closed");
    let stats = running.stats("carbon.pickle");
    assert_eq!(bad(&stats), [("pickle", 1), ("frame_too_long", 1), ("entry", 1)]);
    assert_eq!(stats.bad_lines[0].reason, "the pickle uses GLOBAL, which points do not need");
    adds_up(&running, "carbon.pickle");
}

#[test]
fn sources_that_are_not_allowed_are_refused_and_counted() {
    let mut settings = all();
    settings.carbon.allow = vec!["10.0.0.0/8".parse().unwrap()];
    let mut running = start(settings.clone());
    let mut stream = running.connect("carbon.line");
    // The server may close before or while this is sent.
    let _ = stream.write_all(b"a 1 1\n");
    assert_eq!(stream.read(&mut [0; 10]).unwrap_or(0), 0, "closed");
    running.send_datagram("carbon.udp", b"a 1 1");
    for name in ["carbon.line", "carbon.udp"] {
        wait_until("the count", || running.stats(name).totals.refused_sources == 1);
    }
    settings.carbon.allow.push("127.0.0.1/32".parse().unwrap());
    assert_eq!(running.ingest.reload(settings).unwrap(), [""; 0]);
    running.send("carbon.line", b"b 1 1\n");
    running.send_datagram("carbon.udp", b"c 1 1");
    wait_until("both points", || running.points().len() == 2);
    assert_eq!(running.stats("carbon.line").totals.refused_sources, 1, "the listener has not changed");
}

#[test]
fn no_more_connections_than_allowed() {
    let mut settings = all();
    settings.carbon.max_connections = 2;
    let running = start(settings);
    let held = [running.connect("carbon.line"), running.connect("carbon.line")];
    wait_until("two connections", || running.stats("carbon.line").open_connections == 2);
    assert_eq!(running.connect("carbon.line").read(&mut [0; 10]).unwrap_or(0), 0, "closed");
    assert_eq!(running.stats("carbon.line").totals.refused_connections, 1);
    drop(held);
    wait_until("room again", || running.stats("carbon.line").open_connections == 0);
    running.send("carbon.line", b"a 1 1\n");
    wait_until("the point", || running.points().len() == 1);
}

#[test]
fn idle_connections_are_closed_when_that_is_wanted() {
    let mut settings = all();
    // Far longer than a busy machine keeps the line below from being sent.
    settings.carbon.idle_timeout = HumanDuration::from_secs(3);
    let running = start(settings);
    let mut stream = running.connect("carbon.line");
    stream.write_all(b"half a line").unwrap();
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0, "closed");
    let stats = running.stats("carbon.line");
    assert_eq!((stats.totals.closed_idle, bad(&stats)), (1, vec![("unterminated", 1)]));
}

#[test]
fn reload_reopens_only_what_changed() {
    let mut settings = all();
    let mut running = start(settings.clone());
    let mut line = running.connect("carbon.line");
    let mut pickles = running.connect("carbon.pickle");
    for name in ["carbon.line", "carbon.pickle"] {
        wait_until("the connection", || running.stats(name).open_connections == 1);
    }
    let (address, udp) = (running.address("carbon.line"), running.address("carbon.udp"));
    // The ports of the first start are asked for by number now; that is no change of place for `0`.
    settings.carbon.max_line_bytes = 128;
    settings.carbon.pickle = Listen::Off;
    running.ingest.reload(settings.clone()).unwrap();
    assert_eq!(pickles.read(&mut [0; 10]).unwrap(), 0, "its listener is off");
    assert_eq!(line.read(&mut [0; 10]).unwrap(), 0, "its limits have changed");
    assert_eq!((running.address("carbon.line"), running.address("carbon.udp")), (address, udp));
    line = running.connect("carbon.line");
    line.write_all(b"a 1 1\n").unwrap();
    wait_until("the point", || running.points().len() == 1);

    settings.carbon.udp = Listen::On(udp);
    settings.carbon.pickle = Listen::On(address);
    let error = running.ingest.reload(settings).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(&format!("carbon.pickle {address}: address in use")), "{error}");
    line.write_all(b"b 1 1\n").unwrap();
    wait_until("the old connection serves on", || running.points().len() == 2);
}

#[test]
fn a_start_names_every_listener_that_cannot_be_bound() {
    let running = start(all());
    let mut settings = all();
    settings.carbon.line = Listen::On(running.address("carbon.line"));
    settings.carbon.udp = Listen::On(running.address("carbon.udp"));
    let ports = ports(&running.memory, &running.clock, &settings, None);
    let error = Ingest::start(settings, ports).map(|_| ()).unwrap_err().to_string();
    for listener in ["carbon.line", "carbon.udp"] {
        let wanted =
            format!("{listener} {}: address in use: stop what listens there", running.address(listener));
        assert!(error.contains(&wanted), "{error}");
    }
}

#[test]
fn points_go_on_to_other_carbons() {
    let first = start(all());
    let mut settings = all();
    let mut forward = |name: &str, protocol| {
        let address = first.address(name).to_string();
        settings.carbon.forward.push(ForwardConfig { address, protocol, queue: 1000, only_carbon: false });
    };
    forward("carbon.line", ForwardProtocol::Line);
    forward("carbon.pickle", ForwardProtocol::Pickle);
    let second = start(settings);
    second.send("carbon.line", b"a 0.1 5\nb inf 6\n");
    wait_until("both points both ways", || first.points().len() == 4);
    let mut points = first.points();
    points.sort_by(|a, b| a.0.cmp(&b.0));
    points.dedup();
    assert_eq!(points, [("a".to_owned(), 5, 0.1), ("b".into(), 6, f64::INFINITY)]);
    wait_until("the counts", || second.ingest.forward_stats().iter().all(|target| target.sent == 2));
}

#[test]
fn a_stop_reads_all_datagrams_that_have_arrived_also_on_a_machine_that_is_slow() {
    let running = start(all());
    // Longer than a stop goes on reading from those who keep sending.
    *running.memory.slowness.lock() = Duration::from_millis(1_100);
    // Two receives' worth and more; where nobody may ask for a larger buffer, the kernel's own still holds them.
    for n in 0..530 {
        running.send_datagram("carbon.udp", format!("u.{n} 1 1").as_bytes());
    }
    let memory = running.memory;
    running.ingest.stop();
    assert_eq!(memory.points.lock().len(), 530);
}

#[test]
fn stopping_reads_what_has_arrived() {
    let running = start(all());
    let mut stream = running.connect("carbon.line");
    let lines: String = (0..50_000).map(|n| format!("m.{n} {n} 1\n")).collect();
    stream.write_all(lines.as_bytes()).unwrap();
    for n in 0..500 {
        running.send_datagram("carbon.udp", format!("u.{n} 1 1").as_bytes());
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let memory = running.memory;
    let begun = std::time::Instant::now();
    running.ingest.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(memory.points.lock().len(), 50_500);
}
