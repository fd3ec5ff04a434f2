use vocabulary::Sketch;
use vocabulary::retention::Aggregation;
use vocabulary::sketch::BucketKey;

use super::*;

/// A small generator, so that a failure repeats.
pub(crate) struct Random(pub(crate) u64);

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Twenty times as many with `BELLWETHER_LONG`.
pub(crate) fn rounds(ordinary: u64) -> u64 {
    if variable("BELLWETHER_LONG").is_some() { ordinary * 20 } else { ordinary }
}

impl Random {
    /// The same each time, unless `BELLWETHER_SEED` says otherwise. The seed is printed.
    pub(crate) fn seeded() -> Random {
        let seed = variable("BELLWETHER_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_0001);
        println!("BELLWETHER_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn gauss(&mut self) -> f64 {
        (-2.0 * self.share().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

fn page_of(slots: &[f64], effort: Effort) -> Vec<u8> {
    let mut page = Vec::new();
    PageEncoder::new(&[10]).numbers(slots, effort, &mut page);
    page
}

fn read(page: &[u8], slots: usize) -> Result<Vec<f64>, CodecError> {
    let mut out = vec![0.0; slots];
    decode_numbers(page, &mut out).map(|()| out)
}

fn bits(values: &[f64]) -> Vec<Option<u64>> {
    values.iter().map(|value| (!value.is_nan()).then_some(value.to_bits())).collect()
}

/// Encodes, decodes whole and in part, and tells the codec and the length.
fn round_trip(what: &str, encoder: &mut PageEncoder, slots: &[f64], effort: Effort) -> (Codec, usize) {
    let mut page = vec![0xaa; 3];
    encoder.numbers(slots, effort, &mut page);
    let page = &page[3..];
    assert_eq!(bits(&read(page, slots.len()).unwrap()), bits(slots), "{what}");
    for (from, until) in
        [(0, 0), (0, 1), (1, 2), (3, 4), (2, 3)].map(|(a, b)| (slots.len() * a / 4, slots.len() * b / 4))
    {
        let mut part = vec![0.0; until - from];
        decode_numbers_range(page, slots.len(), from..until, &mut part).unwrap();
        assert_eq!(bits(&part), bits(&slots[from..until]), "{what} {from}..{until}");
    }
    (Codec::from_bits(page[0] & 31).unwrap(), page.len())
}

/// Values of all the kinds that a codec is made for, and of none.
fn value(kind: u64, at: usize, walk: &mut f64, random: &mut Random) -> f64 {
    match kind {
        0 => 42.5,
        1 => {
            *walk += random.below(201) as f64 - 100.0;
            *walk / 100.0
        }
        2 => {
            *walk += random.below(2_000) as f64;
            *walk
        }
        3 => {
            *walk += (random.below(201) as f64 - 100.0) / 100.0;
            *walk
        }
        4 => (0..20).map(|_| random.below(300) as f64).sum::<f64>() / (10 + random.below(20)) as f64,
        5 => [0.1f64.sqrt(), 0.7f64.sqrt(), -2f64.sqrt()][random.below(3) as usize],
        6 => random.gauss(),
        7 => f64::from(random.gauss() as f32),
        8 => f64::from_bits(random.next()),
        9 => [0.0, -0.0, f64::INFINITY, 5e-324, f64::MAX, 1.0][random.below(6) as usize],
        10 => {
            if random.below(200) == 0 {
                1e300
            } else {
                random.below(1_000) as f64 / 6.0
            }
        }
        11 => (1e18 + at as f64 * 1e9 + random.below(1_000) as f64).floor(),
        12 => random.share().powi(-3).floor(),
        13 => (at as f64 * 0.01).sin() * 100.0,
        14 => {
            *walk += random.below(201) as f64 * 4096.0;
            *walk
        }
        15 => (8e9 + 4096.0 * random.below(1_000) as f64) / f64::from(1 << 20),
        _ => (random.below(7) * 250) as f64 - 500.0,
    }
}

const KINDS: u64 = 17;

#[test]
fn every_page_comes_back_to_the_bit() {
    let mut random = Random::seeded();
    let mut encoder = PageEncoder::new(&[10, 6, 7]);
    for round in 0..rounds(400) {
        let (kind, lengths) = (round % KINDS, [0, 1, 2, 3, 60, 64, 65, 66, 129, 511, 512, 513, 1100, 2048]);
        let length = lengths[random.below(lengths.len() as u64) as usize];
        let present = [100, 100, 90, 50, 10, 1][random.below(6) as usize];
        let mut walk = 5_000.0;
        let slots: Vec<f64> = (0..length)
            .map(|at| {
                let value = value(kind, at, &mut walk, &mut random);
                if random.below(100) < present { value } else { f64::NAN }
            })
            .collect();
        for effort in [Effort::Fast, Effort::Final] {
            let what = format!("round {round} kind {kind} {length} slots {present} % {effort:?}");
            round_trip(&what, &mut encoder, &slots, effort);
        }
    }
}

#[test]
fn each_codec_takes_what_it_is_made_for_and_no_more_bytes_than_before() {
    let check = |kind: u64, codec: Codec, most: usize| {
        let (mut random, mut walk) = (Random(7), 5_000.0);
        let slots: Vec<f64> = (0..2048).map(|at| value(kind, at, &mut walk, &mut random)).collect();
        let (used, length) = round_trip("", &mut PageEncoder::new(&[]), &slots, Effort::Final);
        assert_eq!(used, codec, "kind {kind}");
        assert!(
            length <= most && length + length / 20 + 2 > most,
            "kind {kind}: {length} bytes, not about {most}"
        );
    };
    check(0, Codec::Constant, 9);
    // 201 equally likely steps: 1,957 bytes of entropy.
    check(1, Codec::Decimal, 2_000);
    check(2, Codec::Decimal, 2_850);
    check(3, Codec::Near, 2_400);
    check(4, Codec::Ratio, 4_450);
    // Of three values: 406 bytes of entropy.
    check(5, Codec::Dictionary, 460);
    check(6, Codec::Float, 14_400);
    check(10, Codec::Decimal, 2_720);
    // As many bits as the quotients take.
    check(14, Codec::Decimal, 2_010);
    check(15, Codec::Decimal, 2_600);
}

#[test]
fn what_is_regular_costs_next_to_nothing() {
    let length = |slots: Vec<f64>| page_of(&slots, Effort::Final).len();
    assert_eq!(length(vec![f64::NAN; 8640]), 5);
    assert_eq!(length(vec![0.0; 8640]), 5);
    assert_eq!(length(vec![42.0; 8640]), 7);
    assert_eq!(length((0..8640).map(|at| f64::from(at) * 10.0).collect()), 9);
    let sixth = |at: u32| if at.is_multiple_of(6) { 42.0 } else { f64::NAN };
    assert!(length((0..8640).map(sixth).collect()) < 20);
}

/// The two pages that `docs/formats/page.md` draws.
#[test]
fn pages_written_by_hand_are_read() {
    let check = |body: &[u8], crc: [u8; 4], wanted: &[f64]| {
        let page = [body, &crc].concat();
        assert_eq!(crc32c::crc32c(body).to_le_bytes(), crc);
        assert_eq!(bits(&read(&page, wanted.len()).unwrap()), bits(wanted));
    };
    let packed = [0x22, 0x0b, 0x01, 0x02, 0x1e, 0x83, 0x14, 0x28];
    check(&packed, [0xc2, 0x20, 0x2d, 0x1b], &[1.5, 2.5, f64::NAN, 4.0]);
    let coded = [0x02, 0x00, 0x03, 0x00, 0x00, 0x14, 0x0d, 0x08, 0x00, 0x12, 0x10, 0x00];
    check(&coded, [0xb2, 0x49, 0x82, 0xd0], &[11.0, 10.0, 10.0, 11.0]);
}

#[test]
fn damage_is_noticed_and_newer_codecs_are_named() {
    let page = page_of(&[1.0, 2.0, 4.0], Effort::Fast);
    for bit in 0..page.len() * 8 {
        let mut damaged = page.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(&damaged, 3), Err(CodecError::Checksum), "bit {bit}");
    }
    for length in 0..page.len() {
        assert_eq!(read(&page[..length], 3), Err(CodecError::Checksum), "{length} bytes");
    }
    for head in [8, 31, 0x60 | 2, 0xe0 | 2] {
        let mut newer = Vec::from([head, 1, 2, 3]);
        seal(0, &mut newer);
        assert_eq!(read(&newer, 3), Err(CodecError::UnknownCodec(head)));
    }
}

fn sketch_slots(seed: u64, slots: usize) -> Vec<Option<Sketch>> {
    let mut random = Random(seed);
    let sketch = |random: &mut Random| {
        let weight = [1.0, 10.0, 1.0 / 3.0][random.below(3) as usize];
        let values = random.below(40);
        Sketch::from_values((0..values).map(|_| ((random.gauss() + 3.0).exp() - 1.0, weight)))
    };
    (0..slots).map(|_| (random.below(5) > 0).then(|| sketch(&mut random))).collect()
}

#[test]
fn sketches_come_back() {
    for (seed, slots) in [(1, 0), (2, 1), (3, 2), (4, 60), (5, 300)] {
        let sketches = sketch_slots(seed, slots);
        for effort in [Effort::Fast, Effort::Final] {
            let mut page = Vec::new();
            PageEncoder::new(&[]).sketches(&sketches, effort, &mut page);
            assert_eq!(decode_sketches(&page, slots).unwrap(), sketches, "seed {seed}");
        }
    }
    let extreme = [i32::MIN / 16_384, 0, i32::MAX / 16_384].map(|key| (BucketKey(key), f64::MIN_POSITIVE));
    let sketches = [Sketch::from_buckets(extreme.to_vec()), Some(Sketch::default()), None];
    let mut page = Vec::new();
    PageEncoder::new(&[]).sketches(&sketches, Effort::Final, &mut page);
    assert_eq!(decode_sketches(&page, 3).unwrap(), sketches);
}

#[test]
fn numbers_are_no_sketches() {
    let page = page_of(&[1.0, 2.0, 4.0], Effort::Fast);
    assert!(matches!(decode_sketches(&page, 3), Err(CodecError::Malformed(_))));
    let mut page = Vec::new();
    PageEncoder::new(&[]).sketches(&sketch_slots(3, 9), Effort::Fast, &mut page);
    assert!(matches!(read(&page, 9), Err(CodecError::Malformed(_))));
}

/// Pages with bytes changed, under a right checksum: whatever comes out, it must come.
#[test]
fn forged_pages_do_no_harm() {
    let without_checksum =
        |slots: u16, page: &[u8]| [&slots.to_le_bytes(), &page[..page.len() - CRC_BYTES]].concat();
    let mut samples = Vec::new();
    for kind in 0..KINDS {
        let (mut random, mut walk) = (Random(kind + 1), 0.0);
        let slots: Vec<f64> = (0..40).map(|at| value(kind, at, &mut walk, &mut random)).collect();
        samples.extend(
            [Effort::Fast, Effort::Final].map(|effort| without_checksum(40, &page_of(&slots, effort))),
        );
    }
    for seed in 1..5 {
        let mut page = Vec::new();
        PageEncoder::new(&[]).sketches(&sketch_slots(seed, 4), Effort::Final, &mut page);
        samples.push(without_checksum(4, &page));
    }
    formats::fuzzing::mutate(&samples, 5_000, fuzzing::page);
}

/// One line a page: name, slots, page. A slot is `-` if absent, else the bits of a number, or of a sketch
/// `key:weight` of each bucket with `/` between; all but keys in hexadecimal.
const GOLDEN: &str = include_str!("golden/v1.txt");

#[test]
fn pages_of_the_first_version_open_for_ever() {
    let (mut numbers, mut sketches) = (0, 0);
    for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split_whitespace();
        let (name, slots, page) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let slots: Vec<&str> = slots.split(',').collect();
        let page = from_hex(page);
        if name.starts_with("sketch") {
            let read = decode_sketches(&page, slots.len()).unwrap();
            assert_eq!(read.iter().map(sketch_text).collect::<Vec<_>>(), slots, "{name}");
            sketches += 1;
        } else {
            let read = bits(&read(&page, slots.len()).unwrap());
            assert_eq!(read.into_iter().map(number_text).collect::<Vec<_>>(), slots, "{name}");
            numbers += 1;
        }
    }
    assert_eq!((numbers, sketches), (2 * KINDS + 1, 2));
}

fn number_text(bits: Option<u64>) -> String {
    bits.map_or("-".into(), |bits| format!("{bits:x}"))
}

fn sketch_text(sketch: &Option<Sketch>) -> String {
    let bucket = |(key, weight): &(BucketKey, f64)| format!("{}:{:x}", key.0, weight.to_bits());
    let text = |sketch: &Sketch| sketch.buckets().iter().map(bucket).collect::<Vec<_>>().join("/");
    sketch.as_ref().map_or("-".into(), text)
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// Prints a golden file; run it by name when there is a new version of the format.
#[test]
#[ignore = "writes a golden file for a new version; the old ones stay"]
fn print_golden_pages() {
    let hex = |page: &[u8]| page.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let numbers = |name: String, kind: u64, effort: Effort, length: usize| {
        let (mut random, mut walk) = (Random(kind + 1), 100.0);
        let slots: Vec<f64> = (0..length)
            .map(|at| value(kind, at, &mut walk, &mut random))
            .enumerate()
            .map(|(at, value)| if kind % 3 == 1 && at % 11 == 5 { f64::NAN } else { value })
            .collect();
        let texts: Vec<String> = bits(&slots).into_iter().map(number_text).collect();
        println!("{name} {} {}", texts.join(","), hex(&page_of(&slots, effort)));
    };
    for kind in 0..KINDS {
        numbers(format!("kind{kind}-fast"), kind, Effort::Fast, 40);
        numbers(format!("kind{kind}-final"), kind, Effort::Final, 150);
    }
    numbers("groups-final".into(), 2, Effort::Final, 1_100);
    for (name, effort) in [("sketches-fast", Effort::Fast), ("sketches-final", Effort::Final)] {
        let (sketches, mut page) = (sketch_slots(9, 30), Vec::new());
        PageEncoder::new(&[]).sketches(&sketches, effort, &mut page);
        println!("{name} {} {}", sketches.iter().map(sketch_text).collect::<Vec<_>>().join(","), hex(&page));
    }
}

#[test]
fn rollups() {
    use Aggregation::*;
    let check = |method, known: &[f64], slots, wanted: f64| {
        let got = rollup(method, known, slots);
        assert_eq!(got.to_bits(), wanted.to_bits(), "{method:?} {known:?}: {got} {wanted}");
    };
    check(Sum, &[0.1, 0.2], 2, 0.3);
    check(Average, &[0.1, 0.2], 2, 0.15);
    check(Average, &[1.0, 2.0, 2.0], 10, 5.0 / 3.0);
    check(AvgZero, &[1.0, 2.0, 2.0], 10, 0.5);
    check(Sum, &[1e300, 0.1], 2, 1e300);
    check(Sum, &[0.1f64.sqrt(), 1.0], 2, 0.1f64.sqrt() + 1.0);
    check(Average, &[f64::INFINITY, 1.0], 2, f64::INFINITY);
    check(Last, &[1.0, 3.0, 2.0], 5, 2.0);
    check(Max, &[1.0, 3.0, 2.0], 5, 3.0);
    check(Min, &[2.0, 1.0, 3.0], 5, 1.0);
    check(Absmax, &[1.0, -3.0, 3.0], 5, -3.0);
    check(Absmin, &[2.0, -1.0, 1.0], 5, -1.0);
    check(Median, &[9.0, 1.0, 5.0], 5, 5.0);
    check(Median, &[9.0, 1.0, 5.0, 6.0], 5, 5.5);
    check(Count, &[9.0, 1.0], 5, 2.0);
    assert!(rollup(Sum, &[], 5).is_nan());
}

#[test]
fn the_exact_sum_is_the_float_sum_but_for_its_rounding() {
    let mut random = Random(11);
    for _ in 0..2_000 {
        let power = 10f64.powi(random.below(8) as i32);
        let count = 1 + random.below(60) as usize;
        let known: Vec<f64> = (0..count).map(|_| random.below(1_000_000) as f64 / power).collect();
        let (exact, float) = (rollup(Aggregation::Sum, &known, 60), known.iter().sum::<f64>());
        assert!((exact - float).abs() <= float.abs() * 1e-13, "{known:?}");
    }
}
