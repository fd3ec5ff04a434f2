//! What StatsD has received and not yet flushed, on disk: see docs/formats/journal.md.
//!
//! [`Replay::find`] tells what a killed process left behind, [`Journal::open`] goes on behind it. Each receiver
//! has a [`Writer`]; each flush begins a new segment and, once the store has its points, retires the old ones.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use vocabulary::Timestamp;

use crate::chunks::{self, Chunks};
use crate::limits;

const SEGMENT_MAGIC: [u8; 4] = *b"BWSJ";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 32;
const CHUNK_MARK: [u8; 4] = *b"\xf1chk";

/// One thing that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A datagram, or whole lines of a stream.
    Packet(&'a [u8]),
    /// A line to the admin port that changed something.
    Command(&'a [u8]),
}

/// What the journal has to tell about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    pub written_bytes: u64,
    /// Received and not journaled, because the disk was full or failed, or the segment had grown too long.
    pub unjournaled_bytes: u64,
    /// Why the last write failed; `None` while all is well.
    pub failure: Option<String>,
    /// Segments that wait for the store.
    pub segments: usize,
}

/// Shared by the journal and everybody who writes into it.
#[derive(Debug, Default)]
struct Health {
    written_bytes: AtomicU64,
    unjournaled_bytes: AtomicU64,
    failure: Mutex<Option<String>>,
}

pub struct Journal {
    /// `None` if nothing is to be journaled.
    directory: Option<PathBuf>,
    interval: Duration,
    health: Arc<Health>,
    next_sequence: u64,
    current: Arc<Segment>,
    /// Flushed, or left behind by the last run; oldest first.
    retiring: VecDeque<Waiting>,
}

enum Waiting {
    Ours(Arc<Segment>),
    LeftBehind(LeftBehind),
}

impl Waiting {
    fn sequence(&self) -> u64 {
        match self {
            Waiting::Ours(segment) => segment.sequence,
            Waiting::LeftBehind(segment) => segment.sequence,
        }
    }

    /// `None` if nothing came in its time.
    fn file(&self) -> Option<&Path> {
        match self {
            Waiting::Ours(segment) => segment.file.get().and(segment.path.as_deref()),
            Waiting::LeftBehind(segment) => Some(&segment.path),
        }
    }
}

/// What came between two flushes. The file is made with the first write.
#[derive(Debug)]
pub struct Segment {
    pub sequence: u64,
    opened: Duration,
    interval: Duration,
    path: Option<PathBuf>,
    file: OnceLock<Option<File>>,
    bytes: AtomicU64,
    /// Written to since the last sync.
    dirty: AtomicBool,
    /// A write has failed: what follows would stand behind a gap in time. The next segment tries again.
    broken: AtomicBool,
    /// Something that came in its time is not in it.
    lacks: AtomicBool,
    health: Arc<Health>,
}

/// A segment that was left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    pub sequence: u64,
    /// When its flush was due.
    pub due: Timestamp,
    pub path: PathBuf,
}

/// What reading a segment brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    pub records: u64,
    pub lost_bytes: u64,
}

/// What a killed process left behind, oldest first.
#[derive(Debug, Default)]
pub struct Replay {
    pub segments: Vec<LeftBehind>,
    /// Files that are not segments of ours.
    pub unreadable: Vec<PathBuf>,
}

impl Journal {
    /// Goes on behind what was found, with numbers above all of it and above `last_sequence`.
    pub fn open(
        directory: &Path,
        interval: Duration,
        now: Duration,
        replay: &Replay,
        last_sequence: u64,
    ) -> Journal {
        let unreadable = replay.unreadable.iter().filter_map(|path| named_sequence(path));
        let found = replay.segments.iter().map(|segment| segment.sequence).chain(unreadable);
        let last = found.fold(last_sequence, u64::max);
        let mut journal = Journal::new(Some(directory.to_owned()), interval, last + 1, now);
        journal.retiring = replay.segments.iter().cloned().map(Waiting::LeftBehind).collect();
        journal
    }

    /// A journal that keeps nothing, for a server without StatsD or a test.
    pub fn off(now: Duration) -> Journal {
        Journal::new(None, Duration::from_secs(1), 1, now)
    }

    fn new(directory: Option<PathBuf>, interval: Duration, sequence: u64, now: Duration) -> Journal {
        let health = Arc::new(Health::default());
        let current = Arc::new(Segment::new(directory.as_deref(), sequence, now, interval, &health));
        let retiring = VecDeque::new();
        Journal { directory, interval, health, next_sequence: sequence + 1, current, retiring }
    }

    pub fn current(&self) -> &Arc<Segment> {
        &self.current
    }

    /// Begins the segment of the next interval. The writers are to be pointed to it, each at the moment when
    /// its numbers are taken for the flush. Returns the sequence of the one before.
    pub fn begin_segment(&mut self, now: Duration) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let next =
            Arc::new(Segment::new(self.directory.as_deref(), sequence, now, self.interval, &self.health));
        let before = std::mem::replace(&mut self.current, next);
        let sequence = before.sequence;
        self.retiring.push_back(Waiting::Ours(before));
        sequence
    }

    /// The oldest segment whose numbers may have to be told again.
    pub fn oldest(&self) -> u64 {
        self.retiring.front().map_or(self.current.sequence, Waiting::sequence)
    }

    /// Whether the segment is on disk with everything that came in its time, to be told at the next start.
    pub fn has_all_of(&self, sequence: u64) -> bool {
        self.retiring.iter().any(|waiting| match waiting {
            Waiting::Ours(segment) => segment.sequence == sequence && segment.has_all(),
            Waiting::LeftBehind(_) => false,
        })
    }

    /// Flushed segments onto the disk: what was told of them is not all that they hold.
    pub fn sync_waiting(&self) {
        for waiting in &self.retiring {
            if let Waiting::Ours(segment) = waiting {
                segment.sync();
            }
        }
    }

    /// Whether there is a segment to be retired. Those in whose time nothing came are forgotten here.
    pub fn is_waiting(&mut self) -> bool {
        self.retiring.retain(|segment| segment.file().is_some());
        !self.retiring.is_empty()
    }

    /// For segments to come.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Shows the failure of whatever else is kept in this directory.
    pub fn note(&self, result: io::Result<()>) {
        if let Err(error) = result {
            *self.health.failure.lock() = Some(format!("keep the gauges: {error}"));
        }
    }

    /// Deletes the segments up to `sequence`: what they held is safe elsewhere.
    pub fn retire(&mut self, sequence: u64) {
        while let Some(segment) = self.retiring.pop_front_if(|oldest| oldest.sequence() <= sequence) {
            if let Some(path) = segment.file() {
                // Not there if nothing came in its time. If it cannot be deleted it is told again at the next
                // start, which changes nothing.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// A flush whose points never reach the disk must not pile up segments without end.
    pub fn give_up_oldest(&mut self) {
        while self.retiring.len() > limits::SEGMENTS_WAITING_MAX {
            self.retire(self.oldest());
        }
    }

    pub fn stats(&self) -> JournalStats {
        JournalStats {
            written_bytes: self.health.written_bytes.load(Ordering::Relaxed),
            unjournaled_bytes: self.health.unjournaled_bytes.load(Ordering::Relaxed),
            failure: self.health.failure.lock().clone(),
            segments: self.retiring.len(),
        }
    }
}

impl Segment {
    fn new(
        directory: Option<&Path>,
        sequence: u64,
        opened: Duration,
        interval: Duration,
        health: &Arc<Health>,
    ) -> Segment {
        Segment {
            sequence,
            opened,
            interval,
            path: directory.map(|directory| directory.join(format!("{sequence:020}.journal"))),
            file: OnceLock::new(),
            bytes: AtomicU64::new(0),
            dirty: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            lacks: AtomicBool::new(false),
            health: Arc::clone(health),
        }
    }

    fn is_kept(&self) -> bool {
        self.path.is_some()
    }

    /// True as well if nothing came.
    fn has_all(&self) -> bool {
        self.is_kept() && !self.lacks.load(Ordering::Relaxed)
    }

    fn append(&self, chunk: &[u8]) {
        let length = chunk.len() as u64;
        let before = self.bytes.fetch_add(length, Ordering::Relaxed);
        let written = !self.broken.load(Ordering::Relaxed)
            && before + length <= limits::SEGMENT_BYTES_MAX
            && self.file.get_or_init(|| self.note_failure(self.create())).as_ref().is_some_and(|mut file| {
                // One call: other receivers append to the same file.
                self.note_failure(file.write_all(chunk)).is_some()
            });
        if written {
            self.health.written_bytes.fetch_add(length, Ordering::Relaxed);
            *self.health.failure.lock() = None;
            self.dirty.store(true, Ordering::Relaxed);
        } else {
            self.lacks.store(true, Ordering::Relaxed);
            self.health.unjournaled_bytes.fetch_add(length, Ordering::Relaxed);
        }
    }

    fn create(&self) -> io::Result<File> {
        let path = self.path.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        file.write_all(&self.header())?;
        Ok(file)
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&SEGMENT_MAGIC);
        header[4] = VERSION;
        header[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        header[16..24].copy_from_slice(&(self.opened.as_millis() as u64).to_le_bytes());
        header[24..28].copy_from_slice(&(self.interval.as_millis() as u32).to_le_bytes());
        let crc = crc32c::crc32c(&header[..28]);
        header[28..].copy_from_slice(&crc.to_le_bytes());
        header
    }

    fn note_failure<T>(&self, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.broken.store(true, Ordering::Relaxed);
                *self.health.failure.lock() = Some(format!("write the journal: {error}"));
                None
            }
        }
    }

    /// Onto the disk, if anything was written since the last time.
    pub fn sync(&self) {
        if self.dirty.swap(false, Ordering::Relaxed)
            && let Some(Some(file)) = self.file.get()
        {
            self.note_failure(file.sync_data());
        }
    }
}

impl LeftBehind {
    /// `None` if the header is not one of ours.
    pub fn recognise(path: PathBuf) -> io::Result<Option<LeftBehind>> {
        let mut header = [0; HEADER_BYTES];
        match File::open(&path)?.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let eight = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| header[at + index]));
        let four = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| header[at + index]));
        if header[..4] != SEGMENT_MAGIC || header[4] != VERSION || four(28) != crc32c::crc32c(&header[..28]) {
            return Ok(None);
        }
        let interval = u64::from(four(24)).max(1);
        // A packet that came at the very moment of the flush belongs to the next one.
        let due = (eight(16) / interval + 1) * interval;
        Ok(Some(LeftBehind { sequence: eight(8), due: Timestamp((due / 1000) as i64), path }))
    }

    /// Every record that can be read, in order.
    pub fn read(&self, mut take: impl FnMut(Record<'_>)) -> io::Result<ReadBack> {
        let file = File::open(&self.path)?;
        let mut chunks = Chunks::new(&file, HEADER_BYTES as u64, CHUNK_MARK);
        let mut back = ReadBack::default();
        while let Some(mut body) = chunks.next_body()? {
            while let Some(record) = take_record(&mut body) {
                back.records += 1;
                take(record);
            }
        }
        back.lost_bytes = chunks.lost_bytes;
        Ok(back)
    }
}

fn take_record<'a>(body: &mut &'a [u8]) -> Option<Record<'a>> {
    let tag = chunks::take_varint(body)?;
    let bytes = chunks::take(body, tag / 2)?;
    Some(if tag % 2 == 0 { Record::Packet(bytes) } else { Record::Command(bytes) })
}

fn named_sequence(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}

impl Replay {
    /// Makes the directory if there is none.
    pub fn find(directory: &Path) -> io::Result<Replay> {
        fs::create_dir_all(directory)?;
        let mut replay = Replay::default();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "journal") {
                match LeftBehind::recognise(path.clone())? {
                    Some(segment) => replay.segments.push(segment),
                    None => replay.unreadable.push(path),
                }
            }
        }
        replay.segments.sort_by_key(|segment| segment.sequence);
        replay.unreadable.sort();
        Ok(replay)
    }

    /// The oldest segment whose numbers will be told again.
    pub fn oldest(&self) -> Option<u64> {
        self.segments.first().map(|segment| segment.sequence)
    }
}

/// How long records may wait for company before they are written: half of what `kill -9` may cost.
const WRITE_AFTER: Duration = Duration::from_millis(5);

/// Larger chunks no longer lower the cost per byte.
const WRITE_AT_BYTES: usize = 64 * 1024;

const _: () = assert!(WRITE_AT_BYTES + limits::LONGEST_RECORD_BYTES < chunks::BODY_BYTES_MAX);

/// One receiver's way into the current segment.
pub struct Writer {
    segment: Arc<Segment>,
    chunk: Vec<u8>,
    oldest: Option<Instant>,
}

impl Writer {
    pub fn new(journal: &Journal) -> Writer {
        let mut chunk = Vec::new();
        chunks::begin(&mut chunk, CHUNK_MARK);
        Writer { segment: Arc::clone(journal.current()), chunk, oldest: None }
    }

    pub fn record(&mut self, record: Record<'_>) {
        if !self.segment.is_kept() {
            return;
        }
        let (bytes, kind) = match record {
            Record::Packet(bytes) => (bytes, 0),
            Record::Command(bytes) => (bytes, 1),
        };
        debug_assert!(bytes.len() <= limits::LONGEST_RECORD_BYTES, "a read is not longer");
        chunks::put_varint(&mut self.chunk, bytes.len() as u64 * 2 + kind);
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= WRITE_AT_BYTES {
            self.write_out();
        }
    }

    /// To be called at least every few milliseconds while records come.
    pub fn write_if_due(&mut self, now: Instant) {
        if self.chunk.len() > chunks::HEAD_BYTES
            && now.duration_since(*self.oldest.get_or_insert(now)) >= WRITE_AFTER
        {
            self.write_out();
        }
    }

    pub fn write_out(&mut self) {
        if self.chunk.len() > chunks::HEAD_BYTES {
            chunks::finish(&mut self.chunk);
            self.segment.append(&self.chunk);
            chunks::begin(&mut self.chunk, CHUNK_MARK);
        }
        self.oldest = None;
    }

    /// What was recorded so far belongs to the old segment, what follows to the new one.
    pub fn switch(&mut self, segment: &Arc<Segment>) {
        self.write_out();
        self.segment = Arc::clone(segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn open(directory: &Path, interval: Duration, now: u64) -> (Journal, Replay) {
        let replay = Replay::find(directory).unwrap();
        (Journal::open(directory, interval, Duration::from_millis(now), &replay, 0), replay)
    }

    fn packets(segment: &LeftBehind) -> (Vec<String>, ReadBack) {
        let mut seen = Vec::new();
        let back = segment.read(|record| {
            seen.push(match record {
                Record::Packet(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Record::Command(bytes) => format!("!{}", String::from_utf8_lossy(bytes)),
            });
        });
        (seen, back.unwrap())
    }

    #[test]
    fn what_was_not_retired_is_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, replay) = open(directory.path(), SECOND, 10_200);
        assert_eq!(replay.segments, []);
        let mut writers = [Writer::new(&journal), Writer::new(&journal)];
        writers[0].record(Record::Packet(b"a:1|c"));
        writers[0].record(Record::Packet(b""));
        writers[1].record(Record::Command(b"delgauges x"));
        let flushed = journal.begin_segment(Duration::from_millis(11_000));
        writers.iter_mut().for_each(|writer| writer.switch(journal.current()));
        journal.begin_segment(Duration::from_millis(12_000));
        writers.iter_mut().for_each(|writer| writer.switch(journal.current()));
        writers[1].record(Record::Packet(b"b:1|c"));
        writers[1].write_out();
        assert_eq!(journal.oldest(), flushed);

        let (mut journal, replay) = open(directory.path(), SECOND, 20_000);
        let told: Vec<_> =
            replay.segments.iter().map(|segment| (segment.due.0, packets(segment).0)).collect();
        let first = vec!["a:1|c".to_owned(), String::new(), "!delgauges x".into()];
        assert_eq!(told, [(11, first), (13, vec!["b:1|c".to_owned()])], "nothing came between 11 and 12");
        journal.retire(flushed);
        journal.retire(journal.oldest());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn flushes_are_due_at_multiples_of_the_interval() {
        let directory = tempfile::tempdir().unwrap();
        for (opened, interval, due) in [(10_000, 10, 20), (19_999, 10, 20), (20_000, 10, 30), (1_500, 1, 2)] {
            let (mut journal, _) = open(directory.path(), SECOND * interval, opened);
            let mut writer = Writer::new(&journal);
            writer.record(Record::Packet(b"x"));
            writer.write_out();
            let found = Replay::find(directory.path()).unwrap().segments;
            assert_eq!(found.iter().map(|segment| segment.due.0).collect::<Vec<_>>(), [due]);
            let last = journal.begin_segment(SECOND);
            journal.retire(last);
        }
    }

    #[test]
    fn a_sample_written_by_hand_from_the_drawing_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let mut bytes = b"BWSJ\x01\0\0\0".to_vec();
        bytes.extend(7u64.to_le_bytes());
        bytes.extend(1_700_000_000_250u64.to_le_bytes());
        bytes.extend(10_000u32.to_le_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        let body = b"\x0aa:1|c\x03x";
        bytes.extend(b"\xf1chk");
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(crc32c::crc32c(&[&(body.len() as u32).to_le_bytes()[..], body].concat()).to_le_bytes());
        bytes.extend(body);
        bytes.extend(b"\xf1chk torn");
        fs::write(directory.path().join("00000000000000000007.journal"), bytes).unwrap();
        let (journal, replay) = open(directory.path(), SECOND, 0);
        assert_eq!((replay.segments[0].sequence, replay.segments[0].due), (7, Timestamp(1_700_000_010)));
        let (records, back) = packets(&replay.segments[0]);
        assert_eq!((records, back.lost_bytes), (vec!["a:1|c".into(), "!x".to_owned()], 9));
        assert_eq!(journal.current().sequence, 8);
    }

    #[test]
    fn foreign_and_empty_files_are_reported_and_stay() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["00000000000000000003.journal", "x.journal"];
        for name in names {
            fs::write(directory.path().join(name), "not a journal of ours, but long enough").unwrap();
        }
        let (journal, replay) = open(directory.path(), SECOND, 0);
        assert_eq!(replay.unreadable, names.map(|name| directory.path().join(name)));
        assert_eq!(journal.current().sequence, 4, "the name is taken");
    }

    #[test]
    fn a_full_disk_is_counted_and_the_next_segment_tries_again() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(directory.path(), SECOND, 0);
        let mut writer = Writer::new(&journal);
        // /dev/full answers every write as a full disk does.
        let path = journal.current().path.clone().unwrap();
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        journal.current().file.set(Some(full)).unwrap();
        writer.record(Record::Packet(b"lost:1|c"));
        writer.write_out();
        let stats = journal.stats();
        assert!(
            stats.failure.is_some() && stats.unjournaled_bytes > 0 && stats.written_bytes == 0,
            "{stats:?}"
        );
        assert!(!path.exists());
        journal.begin_segment(SECOND);
        writer.switch(journal.current());
        writer.record(Record::Packet(b"kept:1|c"));
        writer.write_out();
        let stats = journal.stats();
        assert!(stats.failure.is_none() && stats.written_bytes > 0, "{stats:?}");
    }

    #[test]
    fn records_are_written_when_they_have_waited() {
        let directory = tempfile::tempdir().unwrap();
        let (journal, _) = open(directory.path(), SECOND, 0);
        let mut writer = Writer::new(&journal);
        let now = Instant::now();
        writer.record(Record::Packet(b"a:1|c"));
        writer.write_if_due(now);
        assert_eq!(journal.stats().written_bytes, 0);
        writer.write_if_due(now + WRITE_AFTER);
        assert!(journal.stats().written_bytes > 0);
    }
}
