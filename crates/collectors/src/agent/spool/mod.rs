//! Batches on disk until a server has them: files that are appended to, bounded, the oldest dropped and counted.
//! The files are drawn in docs/formats/agent-batch.md.
//!
//! Every batch goes through here, whether the server is away or not: so there is one way, and a killed agent goes
//! on where it was. While the disk takes nothing, batches are held in memory, up to a bound.

mod amount;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use formats::agent_batch::{Summary, read_frame};
use vocabulary::Timestamp;

pub use amount::Amount;
use segment::{FrameAt, Segment, first_of, scan};

use super::limits;

/// A batch that was closed.
#[derive(Clone, Debug)]
pub struct Batch {
    pub sequence: u64,
    pub summary: Summary,
    pub bytes: Vec<u8>,
}

impl Batch {
    pub fn amount(&self) -> Amount {
        Amount::of(&self.summary, self.bytes.len())
    }
}

/// A batch that was handed out to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub sequence: u64,
    pub amount: Amount,
}

/// Batches for one request.
#[derive(Debug, Default)]
pub struct Load {
    pub sent: Vec<Sent>,
    pub bytes: Vec<u8>,
}

impl Load {
    pub fn push(&mut self, sequence: u64, amount: Amount, bytes: &[u8]) {
        self.sent.push(Sent { sequence, amount });
        self.bytes.extend_from_slice(bytes);
    }

    /// Is it among the first of the load?
    fn begins_with(&self, first: usize, sequence: u64) -> bool {
        self.sent[..first].iter().any(|sent| sent.sequence == sequence)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    pub waiting: Amount,
    pub segments: usize,
    pub bytes_max: u64,
    /// The oldest, when the spool was full.
    pub dropped_full: Amount,
    /// The oldest in memory, while the disk took nothing.
    pub dropped_memory: Amount,
    /// What was in the spool and could not be read back.
    pub damaged: Amount,
    pub damaged_bytes: u64,
    /// Why batches stay in memory.
    pub failure: Option<String>,
}

/// What a start found.
#[derive(Debug, Default)]
pub struct Found {
    pub waiting: Amount,
    pub damaged_bytes: u64,
    /// Files that could not be read stand aside under these names.
    pub set_aside: Vec<PathBuf>,
}

pub struct Spool {
    directory: PathBuf,
    bytes_max: u64,
    next_sequence: u64,
    /// Oldest first; the last is written to if there is a file.
    segments: VecDeque<Segment>,
    file: Option<File>,
    /// Behind everything on disk.
    held: VecDeque<Batch>,
    held_bytes: usize,
    /// Settled before their turn, in segments that are still there.
    ahead: BTreeSet<u64>,
    /// Everything below this is settled.
    settled_to: u64,
    /// The same for the next start.
    settled_file: Option<File>,
    /// The lowest number on its way: its segment is not dropped meanwhile.
    on_the_way: Option<u64>,
    stats: SpoolStats,
}

impl Spool {
    pub fn open(directory: &Path, bytes_max: u64) -> io::Result<(Spool, Found)> {
        fs::create_dir_all(directory)?;
        let settled_path = directory.join("settled");
        let settled = read_settled(&settled_path);
        let mut spool = Spool {
            directory: directory.to_owned(),
            bytes_max,
            next_sequence: settled.max(1),
            segments: VecDeque::new(),
            file: None,
            held: VecDeque::new(),
            held_bytes: 0,
            ahead: BTreeSet::new(),
            settled_to: settled,
            settled_file: File::options().write(true).create(true).truncate(false).open(settled_path).ok(),
            on_the_way: None,
            stats: SpoolStats::default(),
        };
        let mut found = Found::default();
        for path in spool.files()? {
            spool.take_over(path, settled, &mut found)?;
        }
        found.waiting = spool.waiting();
        spool.retire();
        spool.keep_to_the_bound();
        Ok((spool, found))
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let paths = fs::read_dir(&self.directory)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<_> = paths.collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "batches"));
        paths.sort();
        Ok(paths)
    }

    fn take_over(&mut self, path: PathBuf, settled: u64, found: &mut Found) -> io::Result<()> {
        let scanned = match (first_of(&path), scan(&path)?) {
            (Some(first), Some(scanned)) => (first, scanned),
            _ => {
                found.set_aside.extend(self.set_aside(&path));
                return Ok(());
            }
        };
        let (first, scanned) = scanned;
        let last = scanned.frames.back().map_or(first, |frame| frame.sequence + 1);
        self.next_sequence = self.next_sequence.max(last);
        found.damaged_bytes += scanned.lost_bytes;
        self.stats.damaged_bytes += scanned.lost_bytes;
        self.segments.push_back(Segment::found(path, first, &scanned, settled));
        Ok(())
    }

    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The next batch has this number, if it is free.
    pub fn go_on_at(&mut self, sequence: u64) {
        self.next_sequence = self.next_sequence.max(sequence);
    }

    /// A power cut leaves files as they were some seconds before it: numbers that look free may be of batches that a
    /// server has, which would take others of the same number for these. `drawn`: at random, for machines that go on
    /// from the same files.
    pub fn skip_numbers(&mut self, drawn: u64) {
        let skipped = limits::NUMBERS_SKIPPED + (drawn >> (u64::BITS - limits::NUMBERS_DRAWN_BITS));
        self.next_sequence = self.next_sequence.saturating_add(skipped);
    }

    /// No batch below this number will be handed out again.
    pub fn settled(&self) -> u64 {
        let of = |segment: &Segment| match &segment.frames {
            Some(frames) => frames.front().map(|frame| frame.sequence),
            None => (segment.waiting.batches > 0).then_some(segment.first),
        };
        let on_disk = self.segments.iter().find_map(of);
        on_disk.or_else(|| self.held.front().map(|batch| batch.sequence)).unwrap_or(self.next_sequence)
    }

    pub fn set_bytes_max(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max;
        self.keep_to_the_bound();
    }

    /// Batches with the next numbers, in order.
    pub fn append(&mut self, batches: Vec<Batch>) {
        let Some(last) = batches.last() else { return };
        self.next_sequence = last.sequence + 1;
        self.write_held();
        if !self.held.is_empty() || !self.write(&batches) {
            for batch in batches {
                self.held_bytes += batch.bytes.len();
                self.held.push_back(batch);
            }
        }
        self.keep_to_the_bound();
    }

    /// Some are in memory alone: a kill would lose them.
    pub fn holds_some(&self) -> bool {
        !self.held.is_empty()
    }

    fn write_held(&mut self) {
        while let Some(batch) = self.held.pop_front() {
            if !self.write(std::slice::from_ref(&batch)) {
                self.held.push_front(batch);
                return;
            }
            self.held_bytes -= batch.bytes.len();
        }
    }

    /// All of them with one write, so that a kill finds all or none.
    fn write(&mut self, batches: &[Batch]) -> bool {
        let written = self.try_write(batches);
        self.stats.failure = written.err().map(|error| error.to_string());
        self.stats.failure.is_none()
    }

    fn try_write(&mut self, batches: &[Batch]) -> io::Result<()> {
        let length: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
        let is_full = |segment: &Segment| segment.bytes + length as u64 > self.segment_bytes();
        if self.file.is_none() || self.segments.back().is_none_or(is_full) {
            self.begin_segment(batches[0].sequence)?;
        }
        let (Some(file), Some(segment)) = (&mut self.file, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment is open"));
        };
        let written = match batches {
            [one] => file.write_all(&one.bytes),
            several => {
                file.write_all(&several.iter().flat_map(|batch| batch.bytes.clone()).collect::<Vec<_>>())
            }
        };
        if let Err(error) = written {
            // The torn rest is cut off, or else passed over by its checksum; what follows goes to another file.
            segment.is_damaged |= file.set_len(segment.bytes).is_err();
            self.file = None;
            return Err(error);
        }
        for batch in batches {
            let amount = batch.amount();
            let frame = FrameAt { sequence: batch.sequence, at: segment.bytes, amount };
            segment.frames.get_or_insert_default().push_back(frame);
            segment.bytes += amount.bytes;
            segment.waiting.add(amount);
            segment.newest = segment.newest.max(batch.summary.newest);
        }
        Ok(())
    }

    fn segment_bytes(&self) -> u64 {
        let share = self.bytes_max / limits::SEGMENTS_PER_SPOOL;
        share.clamp(limits::SEGMENT_BYTES_MIN, limits::SEGMENT_BYTES_MAX)
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        // Left behind by an attempt that could not go on: without a batch of its own.
        self.segments.pop_back_if(|last| last.first == first && last.waiting.batches == 0);
        let (segment, file) = Segment::create(&self.directory, first)?;
        // The list of the one before is not needed until its turn comes.
        if self.segments.len() > 1
            && let Some(before) = self.segments.back_mut()
        {
            before.frames = None;
        }
        self.segments.push_back(segment);
        self.file = Some(file);
        self.retire();
        Ok(())
    }

    /// Adds batches in their order, those that have been handed out too; one at least, however long it is.
    pub fn load(&mut self, load: &mut Load, bytes_max: usize, batches_max: usize) {
        let before = load.sent.len();
        if self.load_from_disk(load, bytes_max, batches_max) {
            for batch in &self.held {
                if load.begins_with(before, batch.sequence) {
                    continue;
                }
                if load.sent.len() > before && !fits(load, batch.bytes.len(), bytes_max, batches_max) {
                    break;
                }
                load.push(batch.sequence, batch.amount(), &batch.bytes);
            }
        }
        self.on_the_way = load.sent[before..].iter().map(|sent| sent.sequence).min();
    }

    /// Whether everything on disk is in the load.
    fn load_from_disk(&mut self, load: &mut Load, bytes_max: usize, batches_max: usize) -> bool {
        let before = load.sent.len();
        for index in 0..self.segments.len() {
            self.list(index);
            let Some(segment) = self.segments.get(index) else { break };
            let mut lost = Vec::new();
            let file = File::open(&segment.path);
            for frame in segment.frames.iter().flatten() {
                if load.begins_with(before, frame.sequence) {
                    continue;
                }
                let bytes = frame.amount.bytes as usize;
                if load.sent.len() > before && !fits(load, bytes, bytes_max, batches_max) {
                    self.count_damaged(index, &lost);
                    return false;
                }
                match file.as_ref().ok().and_then(|file| read_back(file, frame)) {
                    Some(bytes) => load.push(frame.sequence, frame.amount, &bytes),
                    None => lost.push(*frame),
                }
            }
            self.count_damaged(index, &lost);
        }
        true
    }

    /// Its batches that are not settled, read from the file if need be.
    fn list(&mut self, index: usize) {
        let Some(segment) = self.segments.get_mut(index).filter(|segment| segment.frames.is_none()) else {
            return;
        };
        let settled = self.settled_to;
        let mut frames = scan(&segment.path).ok().flatten().unwrap_or_default().frames;
        frames.retain(|frame| frame.sequence >= settled && !self.ahead.contains(&frame.sequence));
        let mut readable = Amount::default();
        frames.iter().for_each(|frame| readable.add(frame.amount));
        let mut lost = segment.waiting;
        lost.subtract(readable);
        if lost.batches > 0 {
            segment.is_damaged = true;
            self.stats.damaged.add(lost);
        }
        segment.waiting = readable;
        segment.frames = Some(frames);
    }

    fn count_damaged(&mut self, index: usize, lost: &[FrameAt]) {
        for frame in lost {
            self.stats.damaged.add(frame.amount);
            if let Some(segment) = self.segments.get_mut(index) {
                segment.is_damaged = true;
                segment.forget(frame);
            }
        }
    }

    /// The server has it, or it was given up: it is not handed out again.
    pub fn settle(&mut self, sent: &Sent) {
        if self.settled() < sent.sequence {
            self.ahead.insert(sent.sequence);
        }
        let behind = self.segments.partition_point(|segment| segment.first <= sent.sequence);
        let held = self.held.iter().position(|batch| batch.sequence == sent.sequence);
        if let Some(batch) = held.and_then(|index| self.held.remove(index)) {
            self.held_bytes -= batch.bytes.len();
        } else if let Some(segment) = behind.checked_sub(1).and_then(|index| self.segments.get_mut(index)) {
            segment.forget(&FrameAt { sequence: sent.sequence, at: 0, amount: sent.amount });
        }
    }

    /// What was on its way has come back, settled or not.
    pub fn returned(&mut self) {
        self.on_the_way = None;
        self.retire();
        self.keep_to_the_bound();
        self.settled_to = self.settled();
        self.ahead = self.ahead.split_off(&self.settled_to);
        if let Some(file) = &self.settled_file {
            // Without it the next start sends again what the server then knows already.
            let _ = file.write_all_at(format!("{:<20}\n", self.settled_to).as_bytes(), 0);
        }
    }

    /// Deletes segments that are settled to their end; the last stays, as its name keeps the numbers rising.
    fn retire(&mut self) {
        while self.segments.len() > 1 && self.segments[0].waiting.batches == 0 {
            if let Some(segment) = self.segments.pop_front() {
                self.remove(&segment);
            }
        }
        let is_over = |last: &Segment| last.waiting.batches == 0 && last.bytes > limits::SETTLED_BYTES_KEPT;
        if self.segments.back().is_some_and(is_over) {
            self.file = None;
        }
    }

    fn remove(&mut self, segment: &Segment) {
        if segment.is_damaged {
            self.set_aside(&segment.path);
        } else {
            // It is empty of anything of use; a start finds it settled.
            let _ = fs::remove_file(&segment.path);
        }
    }

    /// Damaged files are for whoever wants to look, up to a few.
    fn set_aside(&self, path: &Path) -> Option<PathBuf> {
        let aside = path.with_extension("damaged");
        fs::rename(path, &aside).ok()?;
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "damaged"))
            .collect();
        all.sort();
        for old in all.iter().rev().skip(limits::SET_ASIDE_MAX) {
            // One more than wanted does no harm.
            let _ = fs::remove_file(old);
        }
        Some(aside)
    }

    /// Keeps a batch that no server takes, as a damaged file.
    pub fn keep_refused(&self, sequence: u64, bytes: &[u8]) {
        let path = self.directory.join(format!("refused-{sequence:020}.batches"));
        if fs::write(&path, bytes).is_ok() {
            self.set_aside(&path);
        }
    }

    fn keep_to_the_bound(&mut self) {
        while self.bytes_on_disk() > self.bytes_max && self.segments.len() > 1 {
            // Its batches may be just arriving: then they are not dropped.
            let next = self.segments[1].first;
            if self.on_the_way.is_some_and(|sequence| sequence < next) {
                break;
            }
            let Some(oldest) = self.segments.pop_front() else { break };
            self.stats.dropped_full.add(oldest.waiting);
            self.remove(&oldest);
        }
        while self.held_bytes > limits::HELD_BYTES_MAX {
            let Some(batch) = self.held.pop_front() else { break };
            self.held_bytes -= batch.bytes.len();
            self.stats.dropped_memory.add(batch.amount());
        }
    }

    fn bytes_on_disk(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    pub fn waiting(&self) -> Amount {
        let mut waiting = Amount::default();
        self.segments.iter().for_each(|segment| waiting.add(segment.waiting));
        self.held.iter().for_each(|batch| waiting.add(batch.amount()));
        waiting
    }

    /// Of all points that wait.
    pub fn newest(&self) -> Timestamp {
        let on_disk = self.segments.iter().filter(|segment| segment.waiting.batches > 0).map(|s| s.newest);
        let held = self.held.iter().map(|batch| batch.summary.newest);
        on_disk.chain(held).max().unwrap_or(Timestamp(i64::MIN))
    }

    pub fn stats(&self) -> SpoolStats {
        SpoolStats {
            waiting: self.waiting(),
            segments: self.segments.len(),
            bytes_max: self.bytes_max,
            ..self.stats.clone()
        }
    }

    pub fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }
}

fn fits(load: &Load, bytes: usize, bytes_max: usize, batches_max: usize) -> bool {
    load.bytes.len() + bytes <= bytes_max && load.sent.len() < batches_max
}

fn read_back(file: &File, frame: &FrameAt) -> Option<Vec<u8>> {
    let mut bytes = vec![0; frame.amount.bytes as usize];
    file.read_exact_at(&mut bytes, frame.at).ok()?;
    let is_it = read_frame(&bytes).is_ok_and(|there| there.sequence == frame.sequence);
    is_it.then_some(bytes)
}

fn read_settled(path: &Path) -> u64 {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}
