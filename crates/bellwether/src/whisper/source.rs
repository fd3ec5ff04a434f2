//! One whisper file, read slot by slot while carbon may still write to it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use formats::whisper::{HEADER_BYTES_MAX, Header, POINT_BYTES, Seen, base, read_points};
use parking_lot::Mutex;
use series_store::import::Archived;
use vocabulary::Timestamp;
use vocabulary::retention::Policy;

/// What the files of a batch share: one descriptor, that of the file that was read last, and one buffer.
#[derive(Default)]
pub struct Reading {
    last: Mutex<Option<(usize, Arc<File>)>>,
    buffer: Mutex<Vec<u8>>,
}

pub struct Source {
    name: String,
    path: PathBuf,
    /// In its batch.
    at: usize,
    header: Header,
    /// The time in each ring's first place; 0 where nothing was ever written.
    bases: Vec<u32>,
    device_and_inode: (u64, u64),
    now: Timestamp,
    reading: Arc<Reading>,
    /// Bytes of rings that were read, for whoever shows the progress.
    read_bytes: Arc<AtomicU64>,
    pub aside: Aside,
}

/// Points that are in the file and are no part of what whisper shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// Not a number: "none".
    pub not_numbers: u64,
    /// In the places of a ring's present round.
    other_rounds: u64,
    /// Of those: taken all the same, as of just before or after the round.
    taken: u64,
}

impl Aside {
    /// Of earlier rounds of the ring: whisper shows them no more.
    pub fn out_of_date(&self) -> u64 {
        self.other_rounds.saturating_sub(self.taken)
    }
}

impl Source {
    /// Look into a file. An error says why it is none that whisper could read.
    pub fn open(
        root: &Path,
        relative: &Path,
        name: String,
        at: usize,
        now: Timestamp,
        reading: &Arc<Reading>,
        read_bytes: &Arc<AtomicU64>,
    ) -> Result<Source, String> {
        let path = root.join(relative);
        let file = open(&path).map_err(|error| error.to_string())?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        let header = header(&file, metadata.len())?;
        let mut bases = Vec::with_capacity(header.rings.len());
        for ring in &header.rings {
            let mut first = [0; POINT_BYTES];
            file.read_exact_at(&mut first, ring.offset).map_err(|error| error.to_string())?;
            bases.push(base(&first));
        }
        Ok(Source {
            name,
            path,
            at,
            header,
            bases,
            device_and_inode: (metadata.dev(), metadata.ino()),
            now,
            reading: Arc::clone(reading),
            read_bytes: Arc::clone(read_bytes),
            aside: Aside::default(),
        })
    }

    /// The file, opened again if another was read meanwhile.
    fn file(&self) -> io::Result<Arc<File>> {
        let mut last = self.reading.last.lock();
        if let Some((_, file)) = last.as_ref().filter(|(at, _)| *at == self.at) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(open(&self.path)?);
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != self.device_and_inode {
            return Err(io::Error::other("another file took its place while it was read"));
        }
        *last = Some((self.at, Arc::clone(&file)));
        Ok(file)
    }

    fn read_part(
        &mut self,
        file: &File,
        archive: usize,
        slots: Range<i64>,
        row: &mut [f64],
    ) -> io::Result<Seen> {
        let ring = self.header.rings[archive];
        let reading = Arc::clone(&self.reading);
        let mut buffer = reading.buffer.lock();
        if slots.end - slots.start > ring.points {
            // More slots than places: each place is looked at once.
            buffer.resize(ring.points as usize * POINT_BYTES, 0);
            file.read_exact_at(&mut buffer, ring.offset)?;
            return Ok(ring.read_whole(self.bases[archive], &buffer, slots.start, row));
        }
        let mut sum = Seen::default();
        let mut slot = slots.start;
        while slot < slots.end {
            let run = ring.run(self.bases[archive], slot, (slots.end - slot) as usize);
            buffer.resize((run.end - run.start) as usize, 0);
            file.read_exact_at(&mut buffer, run.start).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => io::Error::other("it was cut off while it was read"),
                _ => error,
            })?;
            self.read_bytes.fetch_add(buffer.len() as u64, Ordering::Relaxed);
            let seen = read_points(&buffer, ring.step, slot, &mut row[(slot - slots.start) as usize..]);
            sum.points += seen.points;
            sum.others += seen.others;
            self.aside.not_numbers += seen.not_numbers;
            slot += (buffer.len() / POINT_BYTES) as i64;
        }
        Ok(sum)
    }
}

/// A pipe of that name must not be waited for.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

fn header(file: &File, bytes: u64) -> Result<Header, String> {
    let mut start = vec![0; (HEADER_BYTES_MAX as u64).min(bytes) as usize];
    file.read_exact_at(&mut start, 0).map_err(|error| error.to_string())?;
    Header::read(&start, bytes).map_err(|bad| bad.to_string())
}

impl Archived for Source {
    fn name(&self) -> &str {
        &self.name
    }

    fn policy(&self) -> &Policy {
        &self.header.policy
    }

    fn read(&mut self, archive: usize, slots: &Range<i64>, row: &mut [f64]) -> io::Result<()> {
        if self.bases[archive] == 0 {
            return Ok(());
        }
        let file = self.file()?;
        let ring = self.header.rings[archive];
        let newest = self.now.0.div_euclid(ring.step);
        let round = newest - ring.points + 1..newest + 1;
        // Before the ring's present round, in it, and after it.
        let bounds =
            [slots.start, round.start, round.end, slots.end].map(|at| at.clamp(slots.start, slots.end));
        for (part, is_round) in bounds.windows(2).zip([false, true, false]) {
            let own = (part[0] - slots.start) as usize..(part[1] - slots.start) as usize;
            let seen = self.read_part(&file, archive, part[0]..part[1], &mut row[own])?;
            match is_round {
                true => self.aside.other_rounds += seen.others,
                false => self.aside.taken += seen.points,
            }
        }
        Ok(())
    }
}
