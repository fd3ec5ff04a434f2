//! Sends StatsD packets or Carbon lines, at a rate and no longer than told.
//!
//! `blast udp ADDRESS RATE SECONDS [NAMES] [METRICS PER PACKET]`: packets a second.
//! `blast tcp ADDRESS RATE SECONDS [NAMES]`: lines a second; a rate of 0 is as fast as they are taken.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

#[path = "support/cpu.rs"]
mod cpu;

/// Nobody needs to send for longer to learn something.
const SECONDS_MAX: u64 = 600;

struct Plan {
    address: SocketAddr,
    rate: u64,
    seconds: u64,
    names: u64,
    metrics_per_packet: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let usage = "usage: blast udp|tcp ADDRESS RATE SECONDS [NAMES] [METRICS PER PACKET]";
    let plan = Plan {
        address: arguments.get(1).ok_or(usage)?.parse()?,
        rate: number(2, 0)?,
        seconds: number(3, 10)?.min(SECONDS_MAX),
        names: number(4, 1000)?.max(1),
        metrics_per_packet: number(5, 1)?.max(1),
    };
    if !plan.address.ip().is_loopback() {
        return Err("only a server on this machine is loaded".into());
    }
    match arguments.first().map(String::as_str) {
        Some("udp") => udp(&plan),
        Some("tcp") => tcp(&plan),
        _ => Err(usage.into()),
    }
}

fn udp(plan: &Plan) -> Result<(), Box<dyn std::error::Error>> {
    let socket = UdpSocket::bind((plan.address.ip(), 0))?;
    socket.connect(plan.address)?;
    let packets: Vec<Vec<u8>> = (0..plan.names)
        .map(|name| {
            let metric = |n| format!("bench.service{}.counter{}:1|c", n % 7, n % plan.names);
            let metrics: Vec<_> = (0..plan.metrics_per_packet).map(|n| metric(name + n)).collect();
            metrics.join("\n").into_bytes()
        })
        .collect();
    let mut failed = 0;
    let sent = at_rate(plan, |n| {
        let packet = &packets[n as usize % packets.len()];
        failed += u64::from(socket.send(packet).is_err());
    });
    let metrics = sent * plan.metrics_per_packet;
    println!("packets {sent} metrics {metrics} failed {failed} cpu_seconds {:.3}", cpu::seconds());
    Ok(())
}

/// Calls `send` for each packet, spread over the time in steps of a millisecond.
fn at_rate(plan: &Plan, mut send: impl FnMut(u64)) -> u64 {
    let begun = Instant::now();
    let end = Duration::from_secs(plan.seconds);
    let mut sent = 0;
    loop {
        let elapsed = begun.elapsed();
        if elapsed >= end {
            return sent;
        }
        let wanted = match plan.rate {
            0 => sent + 1000,
            rate => (elapsed.as_secs_f64() * rate as f64) as u64,
        };
        while sent < wanted {
            send(sent);
            sent += 1;
        }
        if plan.rate > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Lines in the order of their names, one point of each a second, as a relay or a collector sends them.
fn tcp(plan: &Plan) -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = TcpStream::connect(plan.address)?;
    let first_second = std::env::var("BLAST_FROM").ok().and_then(|text| text.parse().ok()).unwrap_or(1_700_000_000);
    let mut text = String::new();
    let mut failure = None;
    let sent = at_rate(plan, |n| {
        let (second, name) = (n / plan.names, n % plan.names);
        let value = (n * 7 % 10_000) as f64 / 100.0;
        // Writing into a String cannot fail.
        let _ = writeln!(text, "bench.host{}.service{}.metric{name} {value} {}", name % 97, name % 7, first_second + second);
        if text.len() > 64 * 1024 {
            failure = stream.write_all(text.as_bytes()).err().or(failure.take());
            text.clear();
        }
    });
    stream.write_all(text.as_bytes())?;
    println!("lines {sent} failed {} cpu_seconds {:.3}", u8::from(failure.is_some()), cpu::seconds());
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}
