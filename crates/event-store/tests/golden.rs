//! A segment written by hand from docs/formats/event-segment.md: every version of the store must open it.

use std::path::Path;

use disk::Io;
use disk::simulated::SimulatedDisk;
use vocabulary::Timestamp;
use vocabulary::error::{EventBody, EventId, EventKey};
use vocabulary::ports::EventLog;

use crate::support::{DIRECTORY, open, try_open};

const BODY: &[u8] = b"{\"message\":\"by hand\"}";
const ID: [u8; 16] = *b"0123456789abcdef";

fn numbers(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn small(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// RFC 8878: magic, a single segment whose size takes one byte, one last raw block.
fn zstd_frame(body: &[u8]) -> Vec<u8> {
    let block = ((body.len() as u32) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, body.len() as u8][..], &block[..3], body].concat()
}

/// Event 42 of project 3, group 4, at second 1,000, of user 5.
fn open_segment() -> Vec<u8> {
    let header = [&b"BWEV\x01\0\0\0"[..], &numbers(&[42])].concat();
    let fields =
        [numbers(&[42, 3, 4, 1_000]), ID.to_vec(), numbers(&[5]), small(&[0, BODY.len() as u32, 1])].concat();
    let record = [fields, zstd_frame(BODY)].concat();
    let length = small(&[record.len() as u32]);
    let crc = small(&[crc32c::crc32c(&[&length[..], &record].concat())]);
    [header, length, crc, record].concat()
}

fn sealed_segment() -> Vec<u8> {
    let records = open_segment();
    let mark = small(&[u32::MAX, 0]);
    let entry = [numbers(&[3, 4, 1_000]), ID.to_vec(), numbers(&[42, 5]), small(&[16, 1])].concat();
    let id = [ID.to_vec(), numbers(&[3]), small(&[16])].concat();
    let entries = [mark, entry, id].concat();
    let span = [numbers(&[3]), small(&[0, 1]), numbers(&[1_000, 1_000])].concat();
    let fanout = small(&std::array::from_fn::<u32, 256, _>(|byte| u32::from(byte >= usize::from(ID[0]))));
    let footer = [numbers(&[records.len() as u64, 43]), small(&[1, 1, crc32c::crc32c(&entries)])].concat();
    let tables = [span, fanout, footer].concat();
    let end = [small(&[crc32c::crc32c(&tables), 0]), b"BWEX".to_vec()].concat();
    [records, entries, tables, end].concat()
}

fn disk_with(bytes: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let directory = Path::new(DIRECTORY);
    disk.create_dir(directory).unwrap();
    disk.create(&directory.join("00000000000000000042.events")).unwrap().append(bytes).unwrap();
    disk
}

fn key() -> EventKey {
    EventKey { project: 3, group: 4, at: Timestamp(1_000), id: EventId(ID) }
}

#[test]
fn a_segment_by_hand_is_read() {
    for (bytes, segments) in [(open_segment(), 1), (sealed_segment(), 2)] {
        let disk = disk_with(&bytes);
        let (store, recovery) = try_open(&disk).unwrap();
        assert_eq!((recovery.events, recovery.segments, recovery.torn_bytes), (1, segments, 0));
        let event = store.read(3, EventId(ID)).unwrap().unwrap();
        assert_eq!((event.number, event.key, event.user), (42, key(), Some(5)));
        assert_eq!(event.body, BODY);
        assert_eq!(crate::support::listed(&store, 3, 4).len(), 1);
        assert_eq!(store.stats().next, 43);
        let report = event_store::fsck::check(&disk, Path::new(DIRECTORY)).unwrap();
        assert_eq!((report.events, report.findings), (1, Vec::new()));
    }
}

/// The index that the store writes is the one that was drawn.
#[test]
fn an_index_is_written_as_it_is_drawn() {
    let disk = disk_with(&open_segment());
    let store = open(&disk);
    // Erasing somebody of the open segment seals it, and writes it anew without them.
    store.append(&[EventBody { key: EventKey { project: 9, ..key() }, user: Some(1), body: b"" }]).unwrap();
    assert_eq!(store.erase(9, &[key().id]).unwrap(), 1);
    drop(store);
    let (_, bytes) =
        disk.contents().into_iter().find(|(path, _)| path.ends_with("00000000000000000042.events")).unwrap();
    let index_of = |bytes: &[u8]| bytes.len() - (8 + 64 + 28 + 32 + 1_024 + 40);
    let (written, drawn) = (&bytes[index_of(&bytes) + 8..], sealed_segment());
    let drawn = &drawn[index_of(&drawn) + 8..];
    // Entries, ids, spans and the numbers by byte; the footer tells of lengths that depend on how it was packed.
    let tables = 64 + 28 + 32 + 1_024;
    assert_eq!(written[..tables], drawn[..tables]);
    assert_eq!(written[tables + 16..tables + 28], drawn[tables + 16..tables + 28]);
}
