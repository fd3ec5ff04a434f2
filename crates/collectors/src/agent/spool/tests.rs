use std::fs::OpenOptions;

use formats::agent_batch::Rows;
use formats::agent_batch::frame::write_frame;

use super::*;

const BYTES_MAX: u64 = 1 << 20;

/// Rows that deflate makes no shorter, so that sizes are known.
fn batch(sequence: u64, points: usize) -> Batch {
    let mut rows = Rows::default();
    rows.begin_part();
    let mut noise = sequence.wrapping_add(1);
    for _ in 0..points {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.point(&(noise ^ (noise >> 29)).to_le_bytes(), Timestamp(sequence as i64), noise as f64);
    }
    Batch { sequence, summary: rows.summary, bytes: write_frame(sequence, &rows) }
}

fn open(directory: &Path) -> (Spool, Found) {
    Spool::open(directory, BYTES_MAX).unwrap()
}

fn fill(spool: &mut Spool, count: u64, points: usize) {
    for _ in 0..count {
        spool.append(vec![batch(spool.next_sequence(), points)]);
    }
}

fn load(spool: &mut Spool, batches_max: usize) -> Load {
    let mut load = Load::default();
    spool.load(&mut load, usize::MAX, batches_max);
    load
}

fn numbers(load: &Load) -> Vec<u64> {
    load.sent.iter().map(|sent| sent.sequence).collect()
}

fn settle(spool: &mut Spool, load: &Load) {
    load.sent.iter().for_each(|sent| spool.settle(sent));
    spool.returned();
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|ending| ending == "batches"));
    all.sort();
    all
}

#[test]
fn batches_come_in_order_and_a_start_goes_on_behind_what_was_settled() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 5, 10);
    let first = load(&mut spool, 2);
    assert_eq!((numbers(&first), numbers(&load(&mut spool, 3))), (vec![1, 2], vec![1, 2, 3]));
    settle(&mut spool, &first);
    assert_eq!((spool.settled(), spool.waiting().points), (3, 30));
    drop(spool);
    let (mut spool, found) = open(directory.path());
    assert_eq!((found.waiting.batches, found.damaged_bytes, spool.next_sequence()), (3, 0, 6));
    fill(&mut spool, 1, 10);
    let rest = load(&mut spool, 100);
    assert_eq!(numbers(&rest), [3, 4, 5, 6]);
    let frame = read_frame(&rest.bytes).unwrap();
    assert_eq!((frame.sequence, frame.bytes), (3, &batch(3, 10).bytes[..]));
    settle(&mut spool, &rest);
    assert_eq!((spool.waiting(), spool.settled()), (Amount::default(), 7));
    drop(spool);
    let (spool, found) = open(directory.path());
    assert_eq!((found.waiting.batches, spool.next_sequence()), (0, 7));
}

#[test]
fn one_batch_is_handed_out_however_long_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 3, 100);
    let mut load = Load::default();
    spool.load(&mut load, 1, 100);
    assert_eq!(numbers(&load), [1]);
    settle(&mut spool, &load);
    load.sent.truncate(0);
    load.push(99, Amount::default(), b"what goes ahead");
    spool.load(&mut load, 1, 100);
    assert_eq!(numbers(&load), [99, 2]);
}

#[test]
fn segments_that_are_settled_are_deleted_and_a_quiet_agent_keeps_one() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    for _ in 0..200 {
        fill(&mut spool, 1, 500);
        let all = load(&mut spool, 10);
        assert_eq!(all.sent.len(), 1);
        settle(&mut spool, &all);
        assert_eq!(segments(directory.path()).len(), 1);
    }
    assert!(spool.bytes_on_disk() < 2 * limits::SETTLED_BYTES_KEPT);
    drop(spool);
    assert_eq!(open(directory.path()).0.next_sequence(), 201);
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 200, 1_000);
    let stats = spool.stats();
    let (waiting, dropped) = (stats.waiting, stats.dropped_full);
    assert_eq!((waiting.batches + dropped.batches, waiting.points + dropped.points), (200, 200_000));
    assert!(dropped.batches > 100 && waiting.bytes <= BYTES_MAX, "{stats:?}");
    let left = load(&mut spool, 1_000);
    assert_eq!(numbers(&left), (dropped.batches + 1..=200).collect::<Vec<_>>());
    drop(spool);
    let (_, found) = open(directory.path());
    assert_eq!(found.waiting, waiting);
}

#[test]
fn what_is_on_its_way_is_not_dropped_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 10, 1_000);
    let sent = load(&mut spool, 3);
    fill(&mut spool, 200, 1_000);
    assert_eq!(spool.stats().dropped_full.batches, 0);
    settle(&mut spool, &sent);
    let stats = spool.stats();
    assert!(stats.dropped_full.batches > 0);
    assert_eq!(stats.dropped_full.batches + stats.waiting.batches + 3, 210);
}

#[test]
fn what_was_settled_ahead_is_not_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    let mut newest = Load::default();
    for _ in 0..30 {
        fill(&mut spool, 1, 1_000);
        newest = load(&mut spool, 1_000);
        newest.sent.drain(..newest.sent.len() - 1);
        if newest.sent[0].sequence % 3 == 0 {
            settle(&mut spool, &newest);
        }
    }
    assert!(segments(directory.path()).len() > 1, "some of them in segments that were left");
    let wanted: Vec<u64> = (1..=30).filter(|number| number % 3 != 0).collect();
    assert_eq!(numbers(&newest), [30]);
    let rest = load(&mut spool, 1_000);
    assert_eq!((numbers(&rest), spool.waiting().batches), (wanted, 20));
    settle(&mut spool, &rest);
    assert_eq!((spool.waiting(), spool.ahead.len()), (Amount::default(), 0));
}

/// Damages the only segment, of five batches, and opens it.
fn damaged(damage: impl Fn(&mut Vec<u8>, &[usize])) -> (Vec<u64>, Found) {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 5, 20);
    let bounds: Vec<usize> =
        spool.segments[0].frames.iter().flatten().map(|frame| frame.at as usize).collect();
    drop(spool);
    let path = &segments(directory.path())[0];
    let mut bytes = Vec::new();
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    damage(&mut bytes, &bounds);
    fs::write(path, bytes).unwrap();
    let (mut spool, found) = open(directory.path());
    let all = load(&mut spool, 100);
    // It goes on behind whatever there was.
    fill(&mut spool, 1, 1);
    assert!(spool.next_sequence() > numbers(&all).last().copied().unwrap_or(0));
    (numbers(&all), found)
}

#[test]
fn torn_tails_and_flipped_bits_cost_only_their_batch() {
    for cut in [1, 7, 13, 60] {
        let (left, found) = damaged(|bytes, bounds| bytes.truncate(bounds[4] + cut));
        assert_eq!((left, found.damaged_bytes), (vec![1, 2, 3, 4], cut as u64), "cut at {cut}");
    }
    for bit in [0, 40, 100, 700] {
        let (left, found) = damaged(|bytes, bounds| bytes[bounds[2] + bit / 8] ^= 1 << (bit % 8));
        assert_eq!(left, [1, 2, 4, 5], "bit {bit}");
        assert!(found.damaged_bytes > 0);
    }
    let (left, _) = damaged(|bytes, _| bytes.truncate(3));
    assert_eq!(left, [0_u64; 0]);
    let (left, found) = damaged(|bytes, _| bytes[0] = b'X');
    assert_eq!((left.len(), found.set_aside.len()), (0, 1));
    let kept = &found.set_aside[0];
    assert_eq!(kept.extension().unwrap(), "damaged");
}

#[test]
fn damage_that_shows_only_later_is_counted_and_the_file_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 4, 20);
    let path = segments(directory.path()).remove(0);
    let second = spool.segments[0].frames.iter().flatten().nth(1).unwrap().at;
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"XXXX", second + 30).unwrap();
    let all = load(&mut spool, 100);
    assert_eq!((numbers(&all), spool.stats().damaged.points), (vec![1, 3, 4], 20));
    settle(&mut spool, &all);
    spool.file = None;
    fill(&mut spool, 1, 1);
    assert!(path.with_extension("damaged").exists() && !path.exists());
    assert_eq!(spool.stats().waiting.batches, 1);
}

#[test]
fn while_the_disk_takes_nothing_batches_are_held_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    fill(&mut spool, 2, 10);
    // /dev/full answers every write as a full disk does, and no other file can be made.
    spool.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
    let real = std::mem::replace(&mut spool.directory, directory.path().join("missing"));
    fill(&mut spool, 3, 10);
    let stats = spool.stats();
    assert!(stats.failure.is_some() && stats.waiting.batches == 5, "{stats:?}");
    let some = load(&mut spool, 4);
    assert_eq!(numbers(&some), [1, 2, 3, 4]);
    settle(&mut spool, &some);
    assert_eq!((numbers(&load(&mut spool, 9)), spool.settled()), (vec![5], 5));
    spool.directory = real;
    fill(&mut spool, 1, 10);
    let stats = spool.stats();
    assert_eq!((stats.failure, spool.held.len(), spool.held_bytes), (None, 0, 0));
    drop(spool);
    let (mut spool, found) = open(directory.path());
    assert_eq!((found.waiting.batches, numbers(&load(&mut spool, 9))), (2, vec![5, 6]));
}

#[test]
fn what_is_held_in_memory_is_bounded_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    spool.directory = directory.path().join("missing");
    fill(&mut spool, 40, 20_000);
    let stats = spool.stats();
    assert!(spool.held_bytes <= limits::HELD_BYTES_MAX && stats.dropped_memory.batches > 0);
    assert_eq!(stats.dropped_memory.batches + stats.waiting.batches, 40);
}
