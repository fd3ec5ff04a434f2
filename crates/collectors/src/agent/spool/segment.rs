//! One file of the spool: batches one behind the other.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use formats::agent_batch::frame::find_mark;
use formats::agent_batch::{FrameError, read_frame};
use vocabulary::Timestamp;

use super::amount::Amount;
use crate::agent::limits;

pub const MAGIC: [u8; 8] = *b"BWSP\x01\0\0\0";

/// A batch in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameAt {
    pub sequence: u64,
    pub at: u64,
    pub amount: Amount,
}

pub struct Segment {
    /// No batch in it has a lower number; its name.
    pub first: u64,
    pub path: PathBuf,
    pub bytes: u64,
    /// What is in it and not settled.
    pub waiting: Amount,
    pub newest: Timestamp,
    /// Those that are not settled. Known of the one that is written to and of the one that is read.
    pub frames: Option<VecDeque<FrameAt>>,
    pub is_damaged: bool,
}

/// What reading a whole segment brought.
#[derive(Debug, Default)]
pub struct Scanned {
    pub frames: VecDeque<FrameAt>,
    pub newest: Timestamp,
    /// Of what could not be read.
    pub lost_bytes: u64,
    pub bytes: u64,
}

pub fn name_of(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.batches"))
}

pub fn first_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".batches").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// Passes over what does not check; `None` if the file is not one of ours.
pub fn scan(path: &Path) -> io::Result<Option<Scanned>> {
    let file = File::open(path)?;
    let whole = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.take(limits::SEGMENT_BYTES_READ).read_to_end(&mut bytes)?;
    let lost_bytes = whole.saturating_sub(bytes.len() as u64);
    let mut scanned = Scanned { bytes: whole, lost_bytes, newest: Timestamp(i64::MIN), ..Scanned::default() };
    // Shorter than its head: it was being made when the process was killed.
    if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
        return Ok(Some(scanned));
    }
    if !bytes.starts_with(&MAGIC) {
        return Ok(None);
    }
    let mut at = MAGIC.len();
    while at < bytes.len() {
        match read_frame(&bytes[at..]) {
            Ok(frame) => {
                let amount = Amount::of(&frame.summary, frame.bytes.len());
                scanned.frames.push_back(FrameAt { sequence: frame.sequence, at: at as u64, amount });
                scanned.newest = scanned.newest.max(frame.summary.newest);
                at += frame.bytes.len();
            }
            Err(FrameError::Cut | FrameError::Damaged | FrameError::Rows) => {
                let next = find_mark(&bytes, at + 1).unwrap_or(bytes.len());
                scanned.lost_bytes += (next - at) as u64;
                at = next;
            }
        }
    }
    Ok(Some(scanned))
}

impl Segment {
    /// A new, empty file. One of this name that holds no batch may be there from an attempt before.
    pub fn create(directory: &Path, first: u64) -> io::Result<(Segment, File)> {
        let path = name_of(directory, first);
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.set_len(0)?;
        file.write_all(&MAGIC)?;
        let segment = Segment {
            first,
            path,
            bytes: MAGIC.len() as u64,
            waiting: Amount::default(),
            newest: Timestamp(i64::MIN),
            frames: Some(VecDeque::new()),
            is_damaged: false,
        };
        Ok((segment, file))
    }

    /// Sums up what is not settled yet; its list is not kept.
    pub fn found(path: PathBuf, first: u64, scanned: &Scanned, settled: u64) -> Segment {
        let mut waiting = Amount::default();
        let open = scanned.frames.iter().filter(|frame| frame.sequence >= settled);
        open.for_each(|frame| waiting.add(frame.amount));
        let is_damaged = scanned.lost_bytes > 0;
        Segment {
            first,
            path,
            bytes: scanned.bytes,
            waiting,
            newest: scanned.newest,
            frames: None,
            is_damaged,
        }
    }

    pub fn forget(&mut self, frame: &FrameAt) {
        self.waiting.subtract(frame.amount);
        if let Some(frames) = &mut self.frames
            && let Ok(index) = frames.binary_search_by_key(&frame.sequence, |there| there.sequence)
        {
            frames.remove(index);
        }
    }
}
