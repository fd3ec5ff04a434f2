//! Points and sketches one behind the other, each told by what it differs in from the one before.

use vocabulary::sketch::BucketKey;
use vocabulary::{PointBatch, Sketch, SketchBatch, Timestamp};

use super::NAME_BYTES_MAX;
use super::bytes::{put_signed, put_text, put_varint, take, take_f64, take_signed, take_text, take_varint};

const POINT: u64 = 0;
const SKETCH: u64 = 1;
/// What follows does not refer to what went before.
const PART: u64 = 2;
const EVENT: u64 = 3;

/// The largest weight that is written as a whole number.
const WHOLE_WEIGHT_MAX: f64 = (1u64 << 52) as f64;

/// Rows that are being collected.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    bytes: Vec<u8>,
    name: Vec<u8>,
    time: Timestamp,
    pub summary: Summary,
}

/// What a batch holds, without unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub points: u32,
    pub sketches: u32,
    pub events: u32,
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

/// Something that a program said has happened; its name is the title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    pub at: Timestamp,
    pub what: String,
    pub data: String,
    pub tags: Vec<String>,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Unpacked {
    pub points: PointBatch,
    pub sketches: SketchBatch,
    pub events: Vec<Happened>,
}

impl Default for Summary {
    fn default() -> Summary {
        Summary {
            points: 0,
            sketches: 0,
            events: 0,
            oldest: Timestamp(i64::MAX),
            newest: Timestamp(i64::MIN),
        }
    }
}

impl Summary {
    pub fn rows(&self) -> u64 {
        u64::from(self.points) + u64::from(self.sketches) + u64::from(self.events)
    }

    fn note(&mut self, time: Timestamp) {
        (self.oldest, self.newest) = (self.oldest.min(time), self.newest.max(time));
    }
}

impl Rows {
    pub fn is_empty(&self) -> bool {
        self.summary.rows() == 0
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn clear(&mut self) {
        *self = Rows { bytes: std::mem::take(&mut self.bytes), ..Rows::default() };
        self.bytes.clear();
    }

    /// From here on rows can be read without those before.
    pub fn begin_part(&mut self) {
        put_varint(&mut self.bytes, PART);
        self.name.clear();
        self.time = Timestamp(0);
    }

    pub fn point(&mut self, name: &[u8], time: Timestamp, value: f64) {
        self.row(POINT, name, time);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self.summary.points += 1;
    }

    pub fn sketch(&mut self, name: &[u8], time: Timestamp, sketch: &Sketch) {
        self.row(SKETCH, name, time);
        put_varint(&mut self.bytes, sketch.buckets().len() as u64);
        let mut before = 0;
        for (BucketKey(key), weight) in sketch.buckets() {
            put_signed(&mut self.bytes, i64::from(*key) - before);
            put_weight(&mut self.bytes, *weight);
            before = i64::from(*key);
        }
        self.summary.sketches += 1;
    }

    pub fn event(&mut self, event: &Happened) {
        self.row(EVENT, event.what.as_bytes(), event.at);
        put_text(&mut self.bytes, &event.data);
        put_varint(&mut self.bytes, event.tags.len() as u64);
        event.tags.iter().for_each(|tag| put_text(&mut self.bytes, tag));
        self.summary.events += 1;
    }

    fn row(&mut self, kind: u64, name: &[u8], time: Timestamp) {
        let shared = self.name.iter().zip(name).take_while(|(a, b)| a == b).count();
        put_varint(&mut self.bytes, (shared as u64) << 2 | kind);
        put_varint(&mut self.bytes, (name.len() - shared) as u64);
        self.bytes.extend_from_slice(&name[shared..]);
        put_signed(&mut self.bytes, time.0.wrapping_sub(self.time.0));
        self.name.truncate(shared);
        self.name.extend_from_slice(&name[shared..]);
        self.time = time;
        self.summary.note(time);
    }

    /// Rows that were written before, as a part of their own; `None`, and nothing taken, if they cannot be read.
    pub fn append(&mut self, rows: &[u8]) -> Option<()> {
        let Unpacked { points, sketches, events } = read_rows(rows)?;
        self.begin_part();
        points.iter().for_each(|point| self.point(point.name, point.time, point.value));
        sketches.iter().for_each(|(name, time, sketch)| self.sketch(name, time, sketch));
        events.iter().for_each(|event| self.event(event));
        Some(())
    }
}

/// Weights are mostly small whole numbers.
fn put_weight(out: &mut Vec<u8>, weight: f64) {
    if weight.fract() == 0.0 && (0.0..=WHOLE_WEIGHT_MAX).contains(&weight) {
        put_varint(out, (weight as u64) << 1);
    } else {
        put_varint(out, 1);
        out.extend_from_slice(&weight.to_le_bytes());
    }
}

fn take_weight(bytes: &mut &[u8]) -> Option<f64> {
    match take_varint(bytes)? {
        1 => take_f64(bytes),
        even if even & 1 == 0 => Some((even >> 1) as f64),
        _ => None,
    }
}

/// All rows, or `None` if anything in them is not as it should be.
pub fn read_rows(mut bytes: &[u8]) -> Option<Unpacked> {
    let mut unpacked = Unpacked::default();
    let (mut name, mut time) = (Vec::new(), 0i64);
    while !bytes.is_empty() {
        let head = take_varint(&mut bytes)?;
        let (kind, shared) = (head & 3, usize::try_from(head >> 2).ok()?);
        if kind == PART {
            name.clear();
            time = 0;
            continue;
        }
        let own = usize::try_from(take_varint(&mut bytes)?).ok()?;
        if shared > name.len() || own > NAME_BYTES_MAX - shared {
            return None;
        }
        name.truncate(shared);
        name.extend_from_slice(take(&mut bytes, own)?);
        time = time.wrapping_add(take_signed(&mut bytes)?);
        let at = Timestamp(time);
        match kind {
            POINT => unpacked.points.push(&name, at, take_f64(&mut bytes)?),
            SKETCH => unpacked.sketches.push(&name, at, take_sketch(&mut bytes)?),
            _ => unpacked.events.push(take_event(&mut bytes, &name, at)?),
        }
    }
    Some(unpacked)
}

fn take_event(bytes: &mut &[u8], name: &[u8], at: Timestamp) -> Option<Happened> {
    let what = std::str::from_utf8(name).ok()?.to_owned();
    let data = take_text(bytes)?;
    let tags = (0..take_varint(bytes)?).map(|_| take_text(bytes)).collect::<Option<Vec<_>>>()?;
    Some(Happened { at, what, data, tags })
}

fn take_sketch(bytes: &mut &[u8]) -> Option<Sketch> {
    let count = take_varint(bytes)?;
    let mut buckets = Vec::new();
    let mut key = 0i64;
    for _ in 0..count {
        key = key.checked_add(take_signed(bytes)?)?;
        buckets.push((BucketKey(i32::try_from(key).ok()?), take_weight(bytes)?));
    }
    Sketch::from_buckets(buckets)
}
