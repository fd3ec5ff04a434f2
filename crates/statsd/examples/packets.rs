//! What packets of many metrics cost in one thread, from bytes to sums, with a flush a second.
//!
//! `packets NAMES SECONDS`: counters, timers, gauges and sets in packets of up to 1,400 bytes, in the same order
//! each time; the clock is the processor time of this process.

use std::fmt::Write as _;

use statsd::{Aggregator, StatsdConfig};
use vocabulary::Timestamp;
use vocabulary::sample::Dialect;

const PACKET_BYTES: usize = 1_400;
/// Between two looks at the clock.
const ROUND_METRICS: usize = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [names, seconds] = arguments.as_slice() else { return Err("usage: packets NAMES SECONDS".into()) };
    let (packets, names) = (packets(names.parse()?), names.parse::<usize>()?);
    let seconds: f64 = seconds.parse::<f64>()?.min(60.0);
    let aggregator = Aggregator::new(&StatsdConfig::default(), Timestamp(0));
    let shard = aggregator.shard();
    let receive = || {
        let mut receiving = shard.receive(Timestamp(0));
        for packet in &packets {
            formats::statsd::read_packet(packet, Dialect::DogStatsD, &mut receiving);
        }
    };
    // Names are made once.
    receive();
    aggregator.flush(Timestamp(0));
    let begun = cpu_seconds();
    let (mut metrics, mut flushes) = (0, 0);
    loop {
        for _ in 0..(ROUND_METRICS / names).max(1) {
            receive();
            metrics += names;
        }
        let elapsed = cpu_seconds() - begun;
        if elapsed as i64 > flushes {
            flushes += 1;
            std::hint::black_box(aggregator.flush(Timestamp(flushes)));
        }
        if elapsed >= seconds {
            println!("metrics {metrics} flushes {flushes} cpu_seconds {:.3}", cpu_seconds() - begun);
            return Ok(());
        }
    }
}

fn packets(names: usize) -> Vec<Vec<u8>> {
    let mut packets = vec![String::new()];
    for index in 0..names {
        let line = line(index);
        if packets.last().is_some_and(|packet| packet.len() + line.len() > PACKET_BYTES) {
            packets.push(String::new());
        }
        // There is one from the start, and writing into a String cannot fail.
        let _ = packets.last_mut().map(|packet| writeln!(packet, "{line}"));
    }
    packets.into_iter().map(String::into_bytes).collect()
}

fn line(index: usize) -> String {
    let name = format!("shop.web{:02}.checkout.step{}", index % 40, index / 40);
    match index % 10 {
        0..6 => format!("{name}.requests:{}|c", 1 + index % 7),
        6 | 7 => format!("{name}.took:{}.{}|ms", index % 300, index % 10),
        8 => format!("{name}.queue:{index}|g"),
        _ => format!("{name}.users:user{}|s", index % 50),
    }
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}
