//! What pages cost: nanoseconds a value (one item is one value), and at the start their bytes a value
//! beside the entropy of what was put in. `cargo bench -p series-store --bench codec`

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use series_store::codec::{Effort, PageEncoder, decode_numbers, decode_numbers_range, rollup};
use vocabulary::retention::Aggregation;

fn main() {
    println!(
        "bytes a value in pages of 64 (fast), 2,048 and 4,320 slots (final); bits of entropy of a step / 8"
    );
    for kind in Kind::ALL {
        let sizes = [(64, Effort::Fast), (2_048, Effort::Final), (4_320, Effort::Final)];
        let [fast, small, large] = sizes.map(|(slots, effort)| bytes_a_value(kind, slots, effort));
        let entropy = kind.entropy().map_or("      ".into(), |entropy| format!("{entropy:.3}"));
        println!("{kind:<22?} {fast:>6.3} {small:>6.3} {large:>6.3}   {entropy}");
    }
    divan::main();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A walk in hundredths, 201 equally likely steps.
    Gauge,
    /// Rises by 0 to 200.
    Counter,
    /// A walk whose steps are bell-shaped, 48 wide.
    BellGauge,
    Constant,
    /// One slot in 20 has a value of a gauge.
    Sparse,
    /// Added up in floats.
    FloatSum,
    /// Sums of integers over their changing number.
    Mean,
    /// Every bit of the fraction counts.
    Noise,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Gauge,
        Kind::Counter,
        Kind::BellGauge,
        Kind::Constant,
        Kind::Sparse,
        Kind::FloatSum,
        Kind::Mean,
        Kind::Noise,
    ];

    fn entropy(self) -> Option<f64> {
        let bell = (48.0 * (std::f64::consts::TAU * std::f64::consts::E).sqrt()).log2();
        match self {
            Kind::Gauge | Kind::Counter => Some(201f64.log2() / 8.0),
            Kind::BellGauge => Some(bell / 8.0),
            _ => None,
        }
    }

    fn slots(self, count: usize) -> Vec<f64> {
        let mut random = Random(0x5eed);
        let mut walk = 5_000.0;
        (0..count).map(|_| self.next(&mut walk, &mut random)).collect()
    }

    fn next(self, walk: &mut f64, random: &mut Random) -> f64 {
        let step = random.below(201) as f64;
        match self {
            Kind::Gauge => {
                *walk += step - 100.0;
                *walk / 100.0
            }
            Kind::Counter => {
                *walk += step;
                *walk
            }
            Kind::BellGauge => {
                *walk += (random.bell() * 48.0).round();
                *walk / 100.0
            }
            Kind::Constant => 42.5,
            Kind::Sparse if random.below(20) > 0 => f64::NAN,
            Kind::Sparse => Kind::Gauge.next(walk, random),
            Kind::FloatSum => {
                *walk += (step - 100.0) / 100.0;
                *walk
            }
            Kind::Mean => {
                let count = 30 + random.below(40);
                (0..count).map(|_| random.below(300) as f64).sum::<f64>() / count as f64
            }
            Kind::Noise => random.bell() + 100.0,
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn bell(&mut self) -> f64 {
        (-2.0 * self.share().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

fn bytes_a_value(kind: Kind, slots: usize, effort: Effort) -> f64 {
    const PAGES: usize = 20;
    let mut encoder = PageEncoder::new(&[]);
    let (mut out, all) = (Vec::new(), kind.slots(slots * PAGES));
    all.chunks(slots).for_each(|page| encoder.numbers(page, effort, &mut out));
    out.len() as f64 / all.iter().filter(|value| !value.is_nan()).count() as f64
}

fn encode(bencher: Bencher<'_, '_>, kind: Kind, slots: usize, effort: Effort) {
    let page = kind.slots(slots);
    let mut encoder = PageEncoder::new(&[]);
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(slots)).bench_local(|| {
        out.clear();
        encoder.numbers(black_box(&page), effort, &mut out);
    });
}

fn decode(bencher: Bencher<'_, '_>, kind: Kind, slots: usize, effort: Effort) {
    let mut page = Vec::new();
    PageEncoder::new(&[]).numbers(&kind.slots(slots), effort, &mut page);
    let mut out = vec![0.0; slots];
    bencher.counter(ItemsCount::new(slots)).bench_local(|| {
        decode_numbers(black_box(&page), &mut out).expect("the page was made a moment ago");
    });
}

#[divan::bench(args = Kind::ALL)]
fn encode_fast_64(bencher: Bencher<'_, '_>, kind: Kind) {
    encode(bencher, kind, 64, Effort::Fast);
}

#[divan::bench(args = Kind::ALL)]
fn encode_final_4320(bencher: Bencher<'_, '_>, kind: Kind) {
    encode(bencher, kind, 4_320, Effort::Final);
}

#[divan::bench(args = Kind::ALL)]
fn decode_fast_64(bencher: Bencher<'_, '_>, kind: Kind) {
    decode(bencher, kind, 64, Effort::Fast);
}

#[divan::bench(args = Kind::ALL)]
fn decode_final_4320(bencher: Bencher<'_, '_>, kind: Kind) {
    decode(bencher, kind, 4_320, Effort::Final);
}

/// One hour at ten seconds out of a day's page; an item is a slot that was asked for.
#[divan::bench]
fn decode_360_of_8640(bencher: Bencher<'_, '_>) {
    let mut page = Vec::new();
    PageEncoder::new(&[]).numbers(&Kind::Gauge.slots(8_640), Effort::Final, &mut page);
    let mut out = vec![0.0; 360];
    bencher.counter(ItemsCount::new(360usize)).bench_local(|| {
        decode_numbers_range(black_box(&page), 8_640, 4_300..4_660, &mut out)
            .expect("the page was made a moment ago");
    });
}

/// An item is a finer value.
#[divan::bench]
fn rollup_average_of_10(bencher: Bencher<'_, '_>) {
    let values = Kind::Gauge.slots(960);
    bencher.counter(ItemsCount::new(960usize)).bench_local(|| {
        values.chunks(10).map(|known| rollup(Aggregation::Average, black_box(known), 10)).sum::<f64>()
    });
}
