//! Metrics over UDP.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::meter::{Meter, Watch};
use super::names::{self, Texts};
use super::pace::{Next, Pace};
use super::report::{self, Report, Sent};
use crate::cli::{BenchMetric, BenchStatsd};
use crate::client::Server;
use crate::failure::Failure;

/// What one UDP datagram can carry.
const PACKET_BYTES_MAX: usize = 65_507;

const WATCH: Watch =
    Watch { parts: &["statsd.udp", "statsd"], accepted: &["bellwether.statsd.accepted.count"] };

pub fn run(server: &Server, options: &BenchStatsd) -> Result<Report, Failure> {
    let load = &options.load;
    let packets = Packets::new(options)?;
    let meter = crate::commands::block_on(Meter::begin(server))?;
    let to = super::target(load, &meter.before, "statsd.udp")?;
    let pace = Pace { rate: load.rate, duration: Duration::from_secs(load.seconds) };
    let begun = Instant::now();
    let sent = all_connections(&packets, to, pace, load.connections)?;
    let seconds = begun.elapsed().as_secs_f64();
    let took = crate::commands::block_on(meter.end(server, &WATCH))?;
    let figures = Sent {
        kind: "statsd",
        to: to.to_string(),
        seconds,
        sent: sent.metrics,
        packets: Some(sent.packets),
        failed: sent.failed,
        readable_after_seconds: None,
    };
    Ok(report::load(&figures, &took))
}

/// Lines that stand behind each other; a packet is some of them.
struct Packets {
    lines: Texts,
    per_packet: usize,
}

impl Packets {
    fn new(options: &BenchStatsd) -> Result<Packets, Failure> {
        let (prefix, per_packet) = (&options.load.prefix, options.per_packet as usize);
        let lines = Texts::new(options.load.series, |index| line(prefix, index, options.metric));
        let longest = lines.get(lines.len() - 1).len() * per_packet;
        if longest > PACKET_BYTES_MAX {
            return Err(Failure::usage(format!(
                "--per-packet {per_packet}: such packets have {longest} bytes, and UDP carries {PACKET_BYTES_MAX}"
            )));
        }
        Ok(Packets { lines, per_packet })
    }

    /// The packet that begins with this line, and how many lines it has. The end of the names ends it.
    fn from(&self, line: usize) -> (&[u8], usize) {
        let until = (line + self.per_packet).min(self.lines.len());
        let packet = self.lines.range(line, until);
        (packet.strip_suffix(b"\n").unwrap_or(packet), until - line)
    }
}

fn line(prefix: &str, index: u64, metric: BenchMetric) -> String {
    let value = match metric {
        BenchMetric::Counter => "1|c".into(),
        BenchMetric::Timer => format!("{}.5|ms", index * 7 % 1_000),
        BenchMetric::Gauge => format!("{}|g", index * 7 % 1_000),
        BenchMetric::Set => format!("member{}|s", index * 7 % 1_000),
    };
    format!("{}:{value}\n", names::name(prefix, index))
}

#[derive(Clone, Copy, Default)]
struct Counts {
    metrics: u64,
    packets: u64,
    failed: u64,
}

fn all_connections(packets: &Packets, to: SocketAddr, pace: Pace, count: u64) -> Result<Counts, Failure> {
    let each = super::on_threads(count, |index| {
        let first = packets.lines.len() * index as usize / count as usize;
        one_connection(packets, first, to, pace.share(index, count))
    })?;
    let mut all = Counts::default();
    for Counts { metrics, packets, failed } in each {
        all.metrics += metrics;
        all.packets += packets;
        all.failed += failed;
    }
    Ok(all)
}

fn one_connection(packets: &Packets, first: usize, to: SocketAddr, pace: Pace) -> Result<Counts, Failure> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, 0).into(),
    };
    let socket = UdpSocket::bind(any).and_then(|socket| socket.connect(to).map(|()| socket));
    let socket = socket.map_err(Failure::doing(format!("send to {to}")))?;
    let (mut line, mut counts) = (first, Counts::default());
    pace.run(|due| {
        let mut went = 0;
        while went < due {
            let (packet, lines) = packets.from(line);
            match socket.send(packet) {
                Ok(_) => {
                    counts.metrics += lines as u64;
                    counts.packets += 1;
                }
                Err(_) => counts.failed += 1,
            }
            went += lines as u64;
            line = if line + lines == packets.lines.len() { 0 } else { line + lines };
        }
        Ok((went, Next::More))
    })?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn packets(arguments: &str) -> Result<Packets, Failure> {
        let line = format!("bellwether bench statsd {arguments}");
        let command = Cli::parse_from(line.split_whitespace()).command;
        let Command::Bench(crate::cli::BenchCommand::Statsd(options)) = command else {
            panic!("{line} is another command");
        };
        Packets::new(&options)
    }

    #[test]
    fn packets_hold_so_many_metrics_and_end_with_the_names() {
        let packets = packets("--series 3 --per-packet 2 --prefix p").unwrap();
        assert_eq!(packets.from(0), (&b"p.host0.service0.metric0:1|c\np.host0.service0.metric1:1|c"[..], 2));
        assert_eq!(packets.from(2), (&b"p.host0.service0.metric2:1|c"[..], 1));
    }

    #[test]
    fn every_line_is_a_metric() {
        for metric in [BenchMetric::Counter, BenchMetric::Timer, BenchMetric::Gauge, BenchMetric::Set] {
            let line = line("p", 5, metric);
            let (_, value) = line.trim_end().split_once(':').expect("a name and a value");
            assert!(value.contains('|'), "{line}");
        }
    }

    #[test]
    fn packets_that_udp_does_not_carry_are_refused() {
        let long = "p".repeat(100);
        assert!(
            packets(&format!("--per-packet 1000 --prefix {long}")).is_err_and(|failure| failure.status == 2)
        );
    }

    #[test]
    fn what_is_sent_arrives() {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = receiver.local_addr().unwrap();
        let packets = packets("--series 10 --per-packet 4").unwrap();
        let pace = Pace { rate: 100, duration: Duration::from_millis(200) };
        let counts = all_connections(&packets, to, pace, 2).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let (mut buffer, mut arrived) = ([0; 2_000], 0);
        while let Ok(length) = receiver.recv(&mut buffer) {
            arrived += buffer[..length].split(|byte| *byte == b'\n').count() as u64;
        }
        assert!(counts.metrics > 0);
        assert_eq!((arrived, counts.failed), (counts.metrics, 0));
    }
}
