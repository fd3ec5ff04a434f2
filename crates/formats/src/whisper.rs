//! Whisper files, as whisper 1.1.10 reads and writes them: a header, and one ring of points for each archive.
//!
//! | part | bytes |
//! |---|---|
//! | metadata | method u32, longest retention u32 (s), xFilesFactor f32, count of archives u32 |
//! | one for each archive | offset u32, seconds per point u32, points u32 |
//! | each archive's ring | points x (time u32, value f64) |
//!
//! All numbers are big-endian. The time in the first place of a ring is its base: a point of time `t` lies in
//! place `(t - base) / step`, modulo the ring's length, and counts only if the time that is written beside it is
//! `t`. A base of 0 says that nothing was ever written. No file is opened here: the caller brings the bytes.

use std::fmt;
use std::ops::Range;

use vocabulary::Step;
use vocabulary::retention::{Aggregation, Archive, Archives, Policy};

const METADATA_BYTES: usize = 16;
const ARCHIVE_BYTES: usize = 12;
pub const POINT_BYTES: usize = 12;
/// More archives than anybody has: carbon's own examples have three.
const ARCHIVES_MAX: usize = 64;
/// Longer than what times of 32 bits can tell.
const RETENTION_MAX: i64 = 1 << 40;
/// So much of the start of a file is enough for [`Header::read`].
pub const HEADER_BYTES_MAX: usize = METADATA_BYTES + ARCHIVES_MAX * ARCHIVE_BYTES;

/// What go-carbon's compressed files begin with.
const COMPRESSED_MAGIC: &[u8] = b"whisper_compressed";

/// Whisper's numbers for its methods; it knows no others.
const METHODS: [(u32, Aggregation); 8] = [
    (1, Aggregation::Average),
    (2, Aggregation::Sum),
    (3, Aggregation::Last),
    (4, Aggregation::Max),
    (5, Aggregation::Min),
    (6, Aggregation::AvgZero),
    (7, Aggregation::Absmax),
    (8, Aggregation::Absmin),
];

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadFile {
    Empty,
    Compressed,
    /// It ends before its header does.
    ShortHeader,
    UnknownMethod(u32),
    BadFactor,
    Archives(String),
    Truncated {
        bytes: u64,
        wanted: u64,
    },
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFile::Empty => f.write_str("it is empty (0 bytes)"),
            BadFile::Compressed => {
                f.write_str("it is in go-carbon's compressed form: write it as plain whisper first")
            }
            BadFile::ShortHeader => f.write_str("it ends within its header"),
            BadFile::UnknownMethod(method) => {
                write!(f, "its header is damaged: there is no aggregation method {method}")
            }
            BadFile::BadFactor => f.write_str("its header is damaged: its xFilesFactor is not from 0 to 1"),
            BadFile::Archives(why) => write!(f, "its header is damaged: {why}"),
            BadFile::Truncated { bytes, wanted } => {
                write!(f, "it is cut off: {bytes} bytes instead of {wanted}")
            }
        }
    }
}

impl std::error::Error for BadFile {}

/// What the start of a file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub policy: Policy,
    /// In the order of the policy's archives.
    pub rings: Vec<Ring>,
}

/// Where an archive lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    pub offset: u64,
    /// At least 1.
    pub step: i64,
    /// At least 1.
    pub points: i64,
}

impl Header {
    /// Read the start of a file that is `file_bytes` long: all of it, or [`HEADER_BYTES_MAX`].
    pub fn read(start: &[u8], file_bytes: u64) -> Result<Header, BadFile> {
        if file_bytes == 0 || start.is_empty() {
            return Err(BadFile::Empty);
        }
        if start.starts_with(COMPRESSED_MAGIC) {
            return Err(BadFile::Compressed);
        }
        let metadata = start.get(..METADATA_BYTES).ok_or(BadFile::ShortHeader)?;
        let (method, factor, count) = (u32_at(metadata, 0), u32_at(metadata, 8), u32_at(metadata, 12));
        let known = METHODS.iter().find(|(number, _)| *number == method);
        let aggregation = known.ok_or(BadFile::UnknownMethod(method))?.1;
        let x_files_factor = f32::from_bits(factor);
        if !(0.0..=1.0).contains(&x_files_factor) {
            return Err(BadFile::BadFactor);
        }
        let count = usize::try_from(count).ok().filter(|count| (1..=ARCHIVES_MAX).contains(count));
        let count =
            count.ok_or_else(|| BadFile::Archives(format!("1 to {ARCHIVES_MAX} archives are usual")))?;
        let end = METADATA_BYTES + count * ARCHIVE_BYTES;
        let infos = start.get(METADATA_BYTES..end).ok_or(BadFile::ShortHeader)?;
        let rings: Vec<Ring> = infos.chunks_exact(ARCHIVE_BYTES).map(ring).collect();
        let archives = archives(&rings).map_err(BadFile::Archives)?;
        check_places(&rings, end as u64, file_bytes)?;
        Ok(Header { policy: Policy { archives, aggregation, x_files_factor }, rings })
    }

    /// The header of a new file whose archives follow it one after the other; `None` if whisper cannot express
    /// the policy: it has no such method, or more would have to be in a file than its 32 bits count.
    pub fn of(policy: &Policy) -> Option<Header> {
        METHODS.iter().find(|(_, method)| *method == policy.aggregation)?;
        let archives = policy.archives.as_slice();
        let mut offset = (METADATA_BYTES + archives.len() * ARCHIVE_BYTES) as u64;
        let mut rings = Vec::with_capacity(archives.len());
        for archive in archives {
            let ring = Ring { offset, step: archive.step.seconds(), points: archive.points() };
            let fits = u32::try_from(offset).is_ok() && u32::try_from(ring.points).is_ok();
            u32::try_from(archive.retention_seconds).ok().filter(|_| fits)?;
            offset = ring.end();
            rings.push(ring);
        }
        Some(Header { policy: policy.clone(), rings })
    }

    /// The bytes that [`Header::read`] reads.
    pub fn bytes(&self) -> Vec<u8> {
        let method = METHODS.iter().find(|(_, method)| *method == self.policy.aggregation);
        let longest = self.policy.archives.longest_retention_seconds();
        let mut out = Vec::with_capacity(METADATA_BYTES + self.rings.len() * ARCHIVE_BYTES);
        let mut put = |number: u32| out.extend_from_slice(&number.to_be_bytes());
        put(method.map_or(1, |(number, _)| *number));
        put(longest as u32);
        put(self.policy.x_files_factor.to_bits());
        put(self.rings.len() as u32);
        for ring in &self.rings {
            put(ring.offset as u32);
            put(ring.step as u32);
            put(ring.points as u32);
        }
        out
    }

    /// How long a whole file is.
    pub fn file_bytes(&self) -> u64 {
        self.rings.iter().map(|ring| ring.end()).max().unwrap_or(0)
    }
}

fn ring(info: &[u8]) -> Ring {
    let (offset, step, points) = (u32_at(info, 0), u32_at(info, 4), u32_at(info, 8));
    Ring { offset: offset.into(), step: step.into(), points: points.into() }
}

/// The rings as archives, whose order in the file must be whisper's: finest first.
fn archives(rings: &[Ring]) -> Result<Archives, String> {
    let archive = |ring: &Ring| {
        let step = u32::try_from(ring.step).ok().and_then(Step::new);
        let step = step.ok_or("an archive has a step of 0 seconds")?;
        if ring.points == 0 {
            return Err("an archive holds no points".to_owned());
        }
        let kept = ring.step.checked_mul(ring.points).filter(|seconds| *seconds < RETENTION_MAX);
        Ok(Archive { step, retention_seconds: kept.ok_or("an archive is kept for thousands of years")? })
    };
    let found = rings.iter().map(archive).collect::<Result<Vec<_>, _>>()?;
    let archives = Archives::new(found.clone())?;
    if archives.as_slice() == found { Ok(archives) } else { Err("its archives are not in order".into()) }
}

/// Rings lie behind the header, one after the other, within the file.
fn check_places(rings: &[Ring], header_end: u64, file_bytes: u64) -> Result<(), BadFile> {
    let mut end = header_end;
    for ring in rings {
        if ring.offset < end {
            return Err(BadFile::Archives("its archives overlap".into()));
        }
        end = ring.end();
    }
    if end > file_bytes { Err(BadFile::Truncated { bytes: file_bytes, wanted: end }) } else { Ok(()) }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Ring {
    fn end(&self) -> u64 {
        self.offset + self.points as u64 * POINT_BYTES as u64
    }

    /// Where the slots of a stretch lie that begins at `slot` (a number of steps since 1970), as far as they
    /// lie together: the bytes of the file, for one slot or more and `slots` at most. `base` is the time in the
    /// ring's first place.
    pub fn run(&self, base: u32, slot: i64, slots: usize) -> Range<u64> {
        let place = (slot * self.step - i64::from(base)).div_euclid(self.step).rem_euclid(self.points);
        let length = (self.points - place).min(slots.max(1) as i64);
        let start = self.offset + place as u64 * POINT_BYTES as u64;
        start..start + length as u64 * POINT_BYTES as u64
    }
}

impl Ring {
    /// Put the points of a whole ring that lie in the slots of a row, whose first is `slot`, into it.
    pub fn read_whole(&self, base: u32, bytes: &[u8], slot: i64, row: &mut [f64]) -> Seen {
        let mut seen = Seen::default();
        for (place, point) in bytes.chunks_exact(POINT_BYTES).enumerate() {
            let (time, value) = split(point);
            let own = i64::from(time).div_euclid(self.step);
            let is_own = i64::from(time) == own * self.step
                && self.run(base, own, 1).start == self.offset + (place * POINT_BYTES) as u64;
            let at = usize::try_from(own - slot).ok().filter(|at| is_own && *at < row.len());
            match at {
                Some(at) => {
                    seen.points += 1;
                    if value.is_nan() {
                        seen.not_numbers += 1;
                    } else {
                        row[at] = value;
                    }
                }
                None => seen.others += u64::from(time != 0),
            }
        }
        seen
    }
}

/// The time in the first place of a ring.
pub fn base(first_point: &[u8; POINT_BYTES]) -> u32 {
    u32_at(first_point, 0)
}

/// What was in a run of points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Their time is that of their slot.
    pub points: u64,
    /// Of those: values that are not a number, which means "none".
    pub not_numbers: u64,
    /// Of another round of the ring.
    pub others: u64,
}

/// Put the points of one run, whose first slot is `slot`, into a row; slots without one are left as they are.
pub fn read_points(bytes: &[u8], step: i64, slot: i64, row: &mut [f64]) -> Seen {
    let mut seen = Seen::default();
    let mut time = slot * step;
    for (point, place) in bytes.chunks_exact(POINT_BYTES).zip(row) {
        let (stored, value) = split(point);
        if i64::from(stored) == time {
            seen.points += 1;
            if value.is_nan() {
                seen.not_numbers += 1;
            } else {
                *place = value;
            }
        } else if stored != 0 {
            seen.others += 1;
        }
        time += step;
    }
    seen
}

#[inline]
fn split(point: &[u8]) -> (u32, f64) {
    let value = [point[4], point[5], point[6], point[7], point[8], point[9], point[10], point[11]];
    (u32_at(point, 0), f64::from_be_bytes(value))
}

/// Append the places of some slots of a ring to `out`: NaN is an empty place.
pub fn write_points(step: i64, slot: i64, row: &[f64], out: &mut Vec<u8>) {
    for (time, value) in (slot * step..).step_by(step.max(1) as usize).zip(row) {
        match u32::try_from(time).ok().filter(|_| !value.is_nan()) {
            Some(time) => {
                out.extend_from_slice(&time.to_be_bytes());
                out.extend_from_slice(&value.to_be_bytes());
            }
            None => out.extend_from_slice(&[0; POINT_BYTES]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(archives: &str, aggregation: Aggregation) -> Policy {
        Policy { archives: archives.parse().unwrap(), aggregation, x_files_factor: 0.3 }
    }

    #[test]
    fn headers_come_back_with_every_method() {
        for (number, aggregation) in METHODS {
            let header = Header::of(&policy("1s:6h,10s:7d,10m:5y", aggregation)).unwrap();
            let bytes = header.bytes();
            assert_eq!((bytes.len(), u32_at(&bytes, 0)), (52, number));
            assert_eq!(u32_at(&bytes, 4), 5 * 365 * 86_400);
            let file_bytes = 52 + 12 * (21_600 + 60_480 + 262_800);
            assert_eq!(header.file_bytes(), file_bytes);
            assert_eq!(Header::read(&bytes, file_bytes), Ok(header));
        }
        for unknown in [Aggregation::Median, Aggregation::Count] {
            assert_eq!(Header::of(&policy("1m:1d", unknown)), None);
        }
        assert_eq!(Header::of(&policy("1s:50y,1m:200y", Aggregation::Sum)), None);
    }

    #[test]
    fn damaged_headers_are_told_apart() {
        let good = Header::of(&policy("10s:1h,60s:1d", Aggregation::Last)).unwrap();
        let (bytes, length) = (good.bytes(), good.file_bytes());
        let with = |at: usize, number: u32| {
            let mut changed = bytes.clone();
            changed[at..at + 4].copy_from_slice(&number.to_be_bytes());
            Header::read(&changed, length).unwrap_err().to_string()
        };
        let says = |error: String, part: &str| assert!(error.contains(part), "{error}: {part}");
        says(with(0, 9), "no aggregation method 9");
        says(with(0, 0), "no aggregation method 0");
        says(with(8, 2.0f32.to_bits()), "xFilesFactor");
        says(with(8, f32::NAN.to_bits()), "xFilesFactor");
        says(with(12, 0), "archives are usual");
        says(with(12, 1 << 30), "archives are usual");
        says(with(12, 3), "within its header");
        says(with(16, 0), "overlap");
        says(with(20, 0), "step of 0");
        says(with(24, 0), "no points");
        says(with(20, 7), "not a multiple");
        says(with(20, 600), "not in order");
        says(with(36, u32::MAX), "cut off");
        assert_eq!(Header::read(&[], 0), Err(BadFile::Empty));
        assert_eq!(Header::read(&bytes[..10], length), Err(BadFile::ShortHeader));
        assert_eq!(Header::read(b"whisper_compressed\0\0\0", 900), Err(BadFile::Compressed));
        let cut = BadFile::Truncated { bytes: length - 1, wanted: length };
        assert_eq!(Header::read(&bytes, length - 1), Err(cut));
    }

    /// Points of one ring, read as the importer reads them.
    fn read(ring: Ring, file: &[u8], slots: Range<i64>) -> (Vec<f64>, Seen) {
        let first = file[ring.offset as usize..][..POINT_BYTES].try_into().unwrap();
        let mut row = vec![f64::NAN; (slots.end - slots.start) as usize];
        let mut sum = Seen::default();
        let mut at = 0;
        while at < row.len() {
            let slot = slots.start + at as i64;
            let run = ring.run(base(first), slot, row.len() - at);
            let bytes = &file[run.start as usize..run.end as usize];
            let seen = read_points(bytes, ring.step, slot, &mut row[at..]);
            sum.points += seen.points;
            sum.not_numbers += seen.not_numbers;
            sum.others += seen.others;
            at += bytes.len() / POINT_BYTES;
        }
        (row, sum)
    }

    #[test]
    fn a_ring_is_read_across_its_end_and_old_rounds_do_not_count() {
        let ring = Ring { offset: 28, step: 10, points: 5 };
        let mut file = vec![0; 28];
        // Places 0 to 4: the newest three are of 1050..1070, before them 1030 and one of the round before.
        for (time, value) in [(1050, 5.0), (1060, f64::NAN), (1070, 7.0), (980, 1.0), (1040, 4.0)] {
            file.extend_from_slice(&u32::to_be_bytes(time));
            file.extend_from_slice(&f64::to_be_bytes(value));
        }
        let (row, seen) = read(ring, &file, 103..108);
        assert_eq!(
            row.iter().map(|value| value.is_nan()).collect::<Vec<_>>(),
            [true, false, false, true, false]
        );
        assert_eq!((row[1], row[2], row[4]), (4.0, 5.0, 7.0));
        assert_eq!(seen, Seen { points: 4, not_numbers: 1, others: 1 });
        // More slots than the ring has: each place is looked at for every round.
        let (row, seen) = read(ring, &file, 93..108);
        assert_eq!((row[98 - 93], seen.points), (1.0, 5));
        let mut whole = vec![f64::NAN; 15];
        assert_eq!(
            ring.read_whole(1050, &file[28..], 93, &mut whole),
            Seen { points: 5, not_numbers: 1, others: 0 }
        );
        assert!(row.iter().zip(&whole).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
    }

    #[test]
    fn a_base_between_two_slots_is_rounded_as_whisper_does() {
        let ring = Ring { offset: 0, step: 10, points: 3 };
        // Place 0 begins at 1003: 1000 lies in the place before it, which is the last.
        let mut file = Vec::new();
        for (time, value) in [(1003, 9.0), (1020, 2.0), (1000, 1.0)] {
            file.extend_from_slice(&u32::to_be_bytes(time));
            file.extend_from_slice(&f64::to_be_bytes(value));
        }
        let (row, _) = read(ring, &file, 100..103);
        assert_eq!((row[0], row[1].is_nan(), row[2]), (1.0, true, 2.0));
    }

    #[test]
    fn written_points_are_read_again() {
        let row = [1.5, f64::NAN, -0.0, f64::INFINITY];
        let mut file = Vec::new();
        write_points(60, 1_000, &row, &mut file);
        assert_eq!(file.len(), 4 * POINT_BYTES);
        let (back, seen) = read(Ring { offset: 0, step: 60, points: 4 }, &file, 1_000..1_004);
        assert!(row.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()), "{back:?}");
        assert_eq!(seen, Seen { points: 3, not_numbers: 0, others: 0 });
    }
}
