//! collectd's packets: what is stored and what is counted.

use std::net::UdpSocket;

use ingest::{CollectdConfig, Settings};

use crate::support::{NOW, Running, any_port, quiet, start, wait_until};

const HOST: u16 = 0;
const PLUGIN: u16 = 2;
const TYPE: u16 = 4;
const VALUES: u16 = 6;
const TIME_HR: u16 = 8;
const MESSAGE: u16 = 0x100;
const DERIVE: u8 = 2;
const GAUGE: u8 = 1;

fn part(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16 + 4).to_be_bytes(), body].concat()
}

/// One value of `box/plugin/kind` so many seconds after [`NOW`].
fn packet(plugin: &str, kind: &str, after: i64, code: u8, number: [u8; 8]) -> Vec<u8> {
    let text = |kind, text: &str| part(kind, format!("{text}\0").as_bytes());
    let time = ((NOW + after) as u64) << 30;
    let values = [&[0, 1, code][..], &number].concat();
    let parts = [
        text(HOST, "box"),
        text(PLUGIN, plugin),
        text(TYPE, kind),
        part(TIME_HR, &time.to_be_bytes()),
        part(VALUES, &values),
    ];
    parts.concat()
}

fn listening(settings: Settings) -> Running {
    start(Settings { collectd: CollectdConfig { listen: any_port(), ..settings.collectd }, ..quiet() })
}

#[test]
fn every_value_is_a_point_or_counted() {
    let running = listening(Settings::default());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let derive = |after, number: i64| packet("if", "derive", after, DERIVE, number.to_be_bytes());
    let gauge = |plugin, kind, number: f64| packet(plugin, kind, 0, GAUGE, number.to_le_bytes());
    let packets = [
        derive(0, 100),
        derive(10, 150),
        derive(10, 150),
        gauge("cpu", "percent", 0.5),
        // A load has three values.
        gauge("load", "load", 0.5),
        part(MESSAGE, b"hello\0"),
        b"nonsense".to_vec(),
    ];
    for packet in &packets {
        socket.send_to(packet, running.address("collectd.udp")).unwrap();
    }
    wait_until("all packets", || running.stats("collectd.udp").totals.packets == packets.len() as u64);
    let totals = running.stats("collectd.udp").totals;
    assert_eq!((totals.lines, totals.points.stored, totals.samples, totals.bad_sum()), (7, 2, 2, 3));
    let bad: Vec<_> = totals.bad().filter(|(_, count)| *count > 0).collect();
    assert_eq!(bad, [("packet", 1), ("type", 1), ("backwards", 1)]);
    let points = running.memory.points.lock().clone();
    let expected = [("collectd.box.if.derive", NOW + 10, 5.0), ("collectd.box.cpu.percent", NOW, 0.5)];
    assert_eq!(points, expected.map(|(name, time, value)| (name.to_owned(), time, value)));
}
