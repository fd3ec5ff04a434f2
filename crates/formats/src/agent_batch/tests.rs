use vocabulary::{Sketch, Timestamp};

use super::frame::{announced_bytes, find_mark, write_frame};
use super::*;

fn sample() -> Rows {
    let mut rows = Rows::default();
    rows.begin_part();
    rows.point(b"host.web1.cpu.user_percent", Timestamp(1_700_000_000), 1.5);
    rows.point(b"host.web1.cpu.system_percent", Timestamp(1_700_000_000), -0.0);
    rows.point(b"x", Timestamp(-5), f64::NAN);
    rows.begin_part();
    rows.point(b"", Timestamp(i64::MAX), f64::INFINITY);
    rows.point("zähler;k=v".as_bytes(), Timestamp(i64::MIN), 1e300);
    let values = [(-3.0, 1.0), (0.0, 2.0), (1.0, 0.1), (1e9, (1u64 << 40) as f64)];
    rows.sketch(b"stats.timers.web1.api", Timestamp(1_700_000_000), &Sketch::from_values(values));
    rows.sketch(b"stats.timers.web1.api2", Timestamp(1_700_000_001), &Sketch::default());
    rows.event(&deployed());
    rows
}

fn deployed() -> Happened {
    let tags = vec!["deploy".into(), String::new()];
    Happened { at: Timestamp(1_700_000_002), what: "deployed 4.2".into(), data: "by ana".into(), tags }
}

/// Everything in a batch as text, NaN and all.
fn told(frame: &Frame<'_>) -> (Vec<String>, Vec<String>) {
    let Unpacked { points, sketches, events } = frame.rows().unwrap();
    assert!(events.iter().all(|event| *event == deployed()));
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    (
        points.iter().map(|point| format!("{} {} {:?}", name(point.name), point.time, point.value)).collect(),
        sketches
            .iter()
            .map(|(of, time, sketch)| format!("{} {time} {:?}", name(of), sketch.buckets()))
            .collect(),
    )
}

#[test]
fn a_batch_gives_back_what_was_put_in() {
    let bytes = write_frame(7, &sample());
    let frame = read_frame(&bytes).unwrap();
    assert_eq!(
        (frame.sequence, frame.bytes.len(), announced_bytes(&bytes)),
        (7, bytes.len(), Some(bytes.len()))
    );
    assert_eq!((frame.summary.points, frame.summary.sketches, frame.summary.events), (5, 2, 1));
    assert_eq!((frame.summary.oldest.0, frame.summary.newest.0), (i64::MIN, i64::MAX));
    let (points, sketches) = told(&frame);
    assert_eq!(
        points,
        [
            "host.web1.cpu.user_percent 1700000000 1.5".to_owned(),
            "host.web1.cpu.system_percent 1700000000 -0.0".into(),
            "x -5 NaN".into(),
            format!(" {} inf", i64::MAX),
            format!("zähler;k=v {} 1e300", i64::MIN),
        ]
    );
    assert!(sketches[0].starts_with("stats.timers.web1.api 1700000000 [(BucketKey(-"), "{sketches:?}");
    assert!(sketches[0].contains(", 0.1)") && sketches[0].contains(", 1099511627776.0)"), "{sketches:?}");
    assert_eq!(sketches[1], "stats.timers.web1.api2 1700000001 []");
}

#[test]
fn rows_that_were_written_before_are_taken_over() {
    let mut again = Rows::default();
    again.point(b"first", Timestamp(1), 1.0);
    again.append(sample().as_bytes()).unwrap();
    again.point(b"host", Timestamp(2), 1.0);
    assert!(again.append(&sample().as_bytes()[1..20]).is_none());
    let bytes = write_frame(1, &again);
    let (points, sketches) = told(&read_frame(&bytes).unwrap());
    let original = write_frame(1, &sample());
    let (wanted, wanted_sketches) = told(&read_frame(&original).unwrap());
    assert_eq!((&points[1..6], sketches), (&wanted[..], wanted_sketches));
    assert_eq!((points[0].as_str(), points[6].as_str()), ("first 1 1.0", "host 2 1.0"));
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed() {
    let bytes = write_frame(3, &sample());
    for cut in 0..bytes.len() {
        assert_eq!(read_frame(&bytes[..cut]).unwrap_err(), FrameError::Cut, "cut at {cut}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(read_frame(&flipped).is_err(), "bit {bit}");
    }
    let behind = [b"junk\xf1ba".to_vec(), bytes.clone()].concat();
    assert_eq!(find_mark(&behind, 0), Some(7));
    assert_eq!(find_mark(&behind, 8), None);
}

/// A frame with whatever is said of the rows, whose checksum holds.
fn forged(rows_bytes: u32, points: u32, packed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(1u64.to_le_bytes());
    body.extend([0; 16]);
    body.extend(points.to_le_bytes());
    body.extend([0; 8]);
    body.extend(rows_bytes.to_le_bytes());
    body.extend(packed);
    let length = (body.len() as u32).to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &body);
    [&frame::MARK[..], &length, &crc.to_le_bytes(), &body].concat()
}

fn deflated(raw: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(raw).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_bomb_is_not_unpacked_and_lies_are_noticed() {
    let bomb = deflated(&vec![2; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let check = |rows_bytes, points, packed: &[u8]| {
        let bytes = forged(rows_bytes, points, packed);
        read_frame(&bytes).unwrap().rows().map(|unpacked| unpacked.points.len())
    };
    assert_eq!(check(64 << 20, 0, &bomb), Err(FrameError::Rows));
    assert_eq!(check(1_000, 0, &bomb), Err(FrameError::Rows));
    assert_eq!(check(u32::MAX, 0, &bomb), Err(FrameError::Rows));
    assert_eq!(check(3, 0, &deflated(&[2, 2, 2])), Ok(0));
    assert_eq!(check(4, 0, &deflated(&[2, 2, 2])), Err(FrameError::Rows));
    assert_eq!(check(3, 1, &deflated(&[2, 2, 2])), Err(FrameError::Rows));
    assert_eq!(check(1, 0, b"not deflate"), Err(FrameError::Rows));
    let rows: [&[u8]; 7] = [
        &[4],
        // An event whose text is not there.
        &[3, 1, b'a', 0, 9],
        // A name that shares what is not there.
        &[4, 1, b'a', 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 200, 200, 200, 1, b'a'],
        &[0, 1, b'a', 0, 1],
        // Buckets that do not rise, and one without weight.
        &[1, 1, b'a', 0, 2, 2, 2, 0, 2],
        &[1, 1, b'a', 0, 1, 2, 0],
    ];
    for raw in rows {
        assert_eq!(check(raw.len() as u32, 1, &deflated(raw)), Err(FrameError::Rows), "{raw:?}");
    }
}

#[test]
fn a_sample_written_by_hand_from_the_drawing_is_read() {
    let mut raw = vec![2];
    raw.extend([0, 3, b'a', b'.', b'b', 20]);
    raw.extend(1.5f64.to_le_bytes());
    raw.extend([2 << 2, 1, b'c', 2]);
    raw.extend(2.0f64.to_le_bytes());
    let bytes = forged(raw.len() as u32, 2, &deflated(&raw));
    let (points, _) = told(&read_frame(&bytes).unwrap());
    assert_eq!(points, ["a.b 10 1.5", "a.c 11 2.0"]);
}

#[test]
fn greetings() {
    let greeting = Greeting {
        name: "web1".into(),
        instance: u64::MAX,
        settled: 7,
        now_ms: 1_700_000_000_000,
        interval_ms: 1_000,
        waiting_batches: 1,
        waiting_points: 2,
        waiting_bytes: 3,
        dropped_points: 4,
    };
    let mut bytes = Vec::new();
    greeting.write(&mut bytes);
    let whole = [&bytes[..], b"rest"].concat();
    let mut rest = &whole[..];
    assert_eq!(Greeting::read(&mut rest), Ok(greeting.clone()));
    assert_eq!(rest, b"rest");
    for cut in 0..bytes.len() {
        assert!(Greeting::read(&mut &bytes[..cut]).is_err(), "cut at {cut}");
    }
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        Greeting::read(&mut &changed[..]).unwrap_err()
    };
    assert_eq!(with(0, b'X'), greeting::GreetingError::NotOne);
    assert_eq!(with(4, 2), greeting::GreetingError::Version(2));
    assert_eq!(with(8, 7), greeting::GreetingError::Name);
    // A later version may say more.
    let mut longer = bytes.clone();
    longer[5] += 1;
    longer.extend(9u64.to_le_bytes());
    let mut rest = &longer[..];
    assert_eq!((Greeting::read(&mut rest), rest.len()), (Ok(greeting), 0));
}
