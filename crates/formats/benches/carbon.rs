//! Carbon's bytes to a batch, in one thread: `cargo bench -p formats`. Items are points.

use divan::Bencher;
use divan::counter::ItemsCount;
use formats::carbon_line::StreamLines;
use formats::pickle::{self, Unpickler};
use vocabulary::{PointBatch, Timestamp};

fn main() {
    divan::main();
}

const NOW: Timestamp = Timestamp(1_700_000_000);
const POINTS: usize = 5_000;

/// One read's worth of lines, as a relay sends them.
fn lines(value: impl Fn(usize) -> String) -> Vec<u8> {
    let line = |n: usize| {
        format!("servers.web{:02}.cpu{}.user {} {}\n", n % 97, n % 16, value(n), NOW.0 + n as i64 % 10)
    };
    (0..POINTS).map(line).collect::<String>().into_bytes()
}

fn read_lines(bencher: Bencher<'_, '_>, input: &[u8]) {
    let mut batch = PointBatch::default();
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| {
        batch.clear();
        for (point, _) in StreamLines::new(input, NOW) {
            if let Ok(point) = point {
                batch.push(point.name, point.time, point.value);
            }
        }
        assert_eq!(batch.len(), POINTS);
    });
}

#[divan::bench]
fn lines_with_short_numbers(bencher: Bencher<'_, '_>) {
    read_lines(bencher, &lines(|n| format!("{}.{:02}", n % 1000, n % 100)));
}

/// Seventeen digits, which the fast path leaves to the full parser.
#[divan::bench]
fn lines_with_long_numbers(bencher: Bencher<'_, '_>) {
    read_lines(bencher, &lines(|n| format!("{:?}", (n as f64).sqrt())));
}

#[divan::bench]
fn pickles(bencher: Bencher<'_, '_>) {
    let text = lines(|n| n.to_string());
    let mut input = Vec::new();
    pickle::write(StreamLines::new(&text, NOW).filter_map(|(point, _)| point.ok()), &mut input);
    let (mut batch, mut unpickler) = (PointBatch::default(), Unpickler::default());
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| {
        batch.clear();
        let entries = unpickler.read(&input).expect("a pickle of points");
        entries.points(NOW).flatten().for_each(|point| batch.push(point.name, point.time, point.value));
        assert_eq!(batch.len(), POINTS);
    });
}
