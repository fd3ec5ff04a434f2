//! Packets to sums in one thread: `cargo bench -p statsd`. Items are metrics.

use divan::Bencher;
use divan::counter::ItemsCount;
use statsd::{Aggregator, Shard, StatsdConfig};
use vocabulary::Timestamp;
use vocabulary::sample::Dialect;

fn main() {
    divan::main();
}

/// What a fleet of clients sends: packets of up to 1,400 bytes with lines in the same order each time.
struct Load {
    packets: Vec<Vec<u8>>,
    lines: usize,
}

fn load(names: usize, line: impl Fn(usize) -> String) -> Load {
    let mut packets = vec![Vec::new()];
    for index in 0..names {
        let line = line(index);
        if packets.last().is_some_and(|packet: &Vec<u8>| packet.len() + line.len() > 1_400) {
            packets.push(Vec::new());
        }
        let packet = packets.last_mut().expect("there is one from the start");
        packet.extend_from_slice(line.as_bytes());
        packet.push(b'\n');
    }
    Load { packets, lines: names }
}

fn name(index: usize) -> String {
    format!("shop.web{:02}.checkout.step{}.requests", index % 40, index / 40)
}

fn mixed(index: usize) -> String {
    match index % 10 {
        0..5 => format!("{}:{}|c", name(index), index % 7),
        5 => format!("{}:1|c|@0.1", name(index)),
        6 | 7 => format!("{}:{}.{}|ms", name(index), index % 300, index % 10),
        8 => format!("{}:{}|g", name(index), index),
        _ => format!("{}:user{}|s", name(index), index % 50),
    }
}

fn run(bencher: Bencher<'_, '_>, load: &Load) {
    let aggregator = Aggregator::new(&StatsdConfig::default(), Timestamp(0));
    let shard = aggregator.shard();
    receive(&shard, load);
    let mut rounds = 0;
    bencher.counter(ItemsCount::new(load.lines)).bench_local(|| {
        receive(&shard, load);
        // As often as a second would bring it at a few million metrics.
        rounds += 1;
        if rounds % 256 == 0 {
            divan::black_box(aggregator.flush(Timestamp(rounds)));
        }
    });
}

fn receive(shard: &Shard, load: &Load) {
    let mut receiving = shard.receive(Timestamp(0));
    for packet in &load.packets {
        formats::statsd::read_packet(packet, Dialect::DogStatsD, &mut receiving);
    }
}

#[divan::bench(args = [100, 10_000, 100_000])]
fn counters(bencher: Bencher<'_, '_>, names: usize) {
    run(bencher, &load(names, |index| format!("{}:1|c", name(index))));
}

#[divan::bench(args = [100, 10_000, 100_000])]
fn mixed_types(bencher: Bencher<'_, '_>, names: usize) {
    run(bencher, &load(names, mixed));
}

#[divan::bench(args = [10_000])]
fn timers(bencher: Bencher<'_, '_>, names: usize) {
    run(bencher, &load(names, |index| format!("{}:{}.5|ms|@0.5", name(index), index % 500)));
}

#[divan::bench(args = [10_000])]
fn tagged(bencher: Bencher<'_, '_>, names: usize) {
    run(bencher, &load(names, |index| format!("{}:1|c|#env:prod,zone:a{}", name(index), index % 3)));
}

/// Names in an order that nothing foretells.
#[divan::bench(args = [10_000, 100_000])]
fn counters_shuffled(bencher: Bencher<'_, '_>, names: usize) {
    let mut order: Vec<usize> = (0..names).collect();
    let mut state = 1u64;
    for at in (1..names).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (state >> 33) as usize % (at + 1));
    }
    let loads: Vec<Load> = (0..2)
        .map(|turn| load(names, |index| format!("{}:1|c", name(order[(index * (turn + 1) + turn) % names]))))
        .collect();
    let aggregator = Aggregator::new(&StatsdConfig::default(), Timestamp(0));
    let shard = aggregator.shard();
    let mut turn = 0;
    bencher.counter(ItemsCount::new(names)).bench_local(|| {
        turn ^= 1;
        receive(&shard, &loads[turn]);
    });
}

/// One packet a metric.
#[divan::bench(args = [10_000])]
fn single_metric_packets(bencher: Bencher<'_, '_>, names: usize) {
    let packets = (0..names).map(|index| format!("{}:1|c", name(index)).into_bytes()).collect();
    run(bencher, &Load { packets, lines: names });
}

/// Flush of names that all got a reading.
#[divan::bench(args = [10_000, 100_000])]
fn flush_counters(bencher: Bencher<'_, '_>, names: usize) {
    let load = load(names, |index| format!("{}:1|c", name(index)));
    let aggregator = Aggregator::new(&StatsdConfig::default(), Timestamp(0));
    let shard = aggregator.shard();
    bencher
        .counter(ItemsCount::new(names))
        .with_inputs(|| receive(&shard, &load))
        .bench_local_values(|()| aggregator.flush(Timestamp(1)));
}

/// The same with ten values for each timer.
#[divan::bench(args = [10_000])]
fn flush_timers(bencher: Bencher<'_, '_>, names: usize) {
    let load = load(names, |index| format!("{}:{}.5|ms", name(index), index % 500));
    let aggregator = Aggregator::new(&StatsdConfig::default(), Timestamp(0));
    let shard = aggregator.shard();
    bencher
        .counter(ItemsCount::new(names))
        .with_inputs(|| (0..10).for_each(|_| receive(&shard, &load)))
        .bench_local_values(|()| aggregator.flush(Timestamp(1)));
}
