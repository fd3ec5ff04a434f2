//! One record of the log: points of one stripe as they were taken in, or sketches of any with the mark of their
//! batch. `docs/formats/wal.md` draws it.

use vocabulary::sketch::BucketKey;
use vocabulary::{Sketch, Timestamp, ValueKind};

use crate::bytes::{self, Malformed, Reader, put_signed, put_varint, zigzag};
use crate::limits::WAL_RECORD_BYTES;
use crate::marks::Mark;
use crate::series_log::kind_of;

/// No archive was computed when the points came.
pub const ALL_LATER: u8 = u8::MAX;

/// Where the points of a record go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: ValueKind,
    pub stripe: u32,
    /// The archive of each series' policy; above 0 for points older than the finer ones reach.
    pub archive: u8,
    /// The coarsest archive whose slots may be computed from these points later on; those above were
    /// computed when the points came. [`ALL_LATER`] for nearly all points.
    pub lazy_to: u8,
    /// The clock when the points came.
    pub now: Timestamp,
}

/// Builds one record; reused.
#[derive(Debug, Default)]
pub struct RecordWriter {
    bytes: Vec<u8>,
    points: usize,
    local: i64,
    time: i64,
    exponent: Exponent,
}

impl RecordWriter {
    pub fn begin(&mut self, header: Header) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&[0; bytes::FRAME_HEADER]);
        self.bytes.extend_from_slice(&[header.kind as u8, header.archive, header.lazy_to]);
        put_varint(&mut self.bytes, u64::from(header.stripe));
        put_signed(&mut self.bytes, header.now.0);
        (self.points, self.local, self.time) = (0, -1, header.now.0);
    }

    pub fn points(&self) -> usize {
        self.points
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= WAL_RECORD_BYTES
    }

    #[inline]
    pub fn number(&mut self, local: u16, time: Timestamp, value: f64) {
        self.key(local, time);
        put_value(&mut self.bytes, value, &mut self.exponent);
    }

    pub fn sketch(&mut self, local: u16, time: Timestamp, sketch: &Sketch) {
        self.key(local, time);
        put_varint(&mut self.bytes, sketch.buckets().len() as u64);
        let mut previous = 0;
        for (key, weight) in sketch.buckets() {
            put_signed(&mut self.bytes, i64::from(key.0) - previous);
            previous = i64::from(key.0);
            put_value(&mut self.bytes, *weight, &mut self.exponent);
        }
    }

    /// The next lane at the same time is one byte, and most points are just that.
    #[inline]
    fn key(&mut self, local: u16, time: Timestamp) {
        let local = i64::from(local);
        let moved = time.0 != self.time;
        put_varint(&mut self.bytes, zigzag(local - self.local - 1) << 1 | u64::from(moved));
        if moved {
            put_signed(&mut self.bytes, time.0.wrapping_sub(self.time));
        }
        (self.local, self.time) = (local, time.0);
        self.points += 1;
    }

    fn payload(&self) -> &[u8] {
        &self.bytes[bytes::FRAME_HEADER..]
    }

    /// The framed record.
    pub fn finish(&mut self) -> &[u8] {
        let payload = self.payload();
        let (length, crc) = (payload.len() as u32, crc32c::crc32c(payload));
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        &self.bytes
    }
}

/// The kind of a record that is made of others.
const GROUP: u8 = 2;

/// Builds one record out of several, so that all of them are in the log or none is.
#[derive(Debug, Default)]
pub struct GroupWriter {
    parts: Vec<u8>,
    frame: Vec<u8>,
}

impl GroupWriter {
    pub fn push(&mut self, record: &RecordWriter) {
        let payload = record.payload();
        put_varint(&mut self.parts, payload.len() as u64);
        self.parts.extend_from_slice(payload);
    }

    pub fn is_full(&self) -> bool {
        self.parts.len() >= WAL_RECORD_BYTES
    }

    /// The framed record.
    pub fn finish(&mut self, mark: Option<&Mark>) -> &[u8] {
        let GroupWriter { parts, frame } = self;
        frame.clear();
        bytes::put_frame(frame, |out| {
            out.extend_from_slice(&[GROUP, u8::from(mark.is_some())]);
            if let Some(mark) = mark {
                mark.put(out);
            }
            out.extend_from_slice(parts);
        });
        frame
    }
}

/// A record's payload, taken apart.
#[derive(Debug)]
pub struct Parts<'a> {
    pub is_group: bool,
    pub mark: Option<Mark>,
    /// Payloads for [`RecordReader`].
    pub records: Vec<&'a [u8]>,
}

pub fn read_parts(payload: &[u8]) -> Result<Parts<'_>, Malformed> {
    let mut reader = Reader::new(payload);
    if reader.u8()? != GROUP {
        return Ok(Parts { is_group: false, mark: None, records: vec![payload] });
    }
    let mark = match reader.u8()? {
        0 => None,
        1 => Some(Mark::read(&mut reader)?),
        _ => return Err(Malformed),
    };
    let mut records = Vec::new();
    while !reader.is_empty() {
        let length = reader.small()?;
        records.push(reader.take(length)?);
    }
    Ok(Parts { is_group: true, mark, records })
}

/// What a record holds, point by point.
#[derive(Debug)]
pub struct RecordReader<'a> {
    pub header: Header,
    reader: Reader<'a>,
    local: i64,
    time: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Sketch(Sketch),
}

impl<'a> RecordReader<'a> {
    pub fn new(payload: &'a [u8]) -> Result<RecordReader<'a>, Malformed> {
        let mut reader = Reader::new(payload);
        let kind = kind_of(reader.u8()?)?;
        let (archive, lazy_to) = (reader.u8()?, reader.u8()?);
        let stripe = reader.small()?;
        let now = Timestamp(reader.signed()?);
        let header = Header { kind, stripe, archive, lazy_to, now };
        Ok(RecordReader { header, reader, local: -1, time: now.0 })
    }

    /// The next point; `None` at the end.
    #[inline]
    pub fn next_point(&mut self) -> Result<Option<(u16, Timestamp, Value)>, Malformed> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        let key = self.reader.varint()?;
        if key & 1 == 1 {
            self.time = self.time.wrapping_add(self.reader.signed()?);
        }
        let delta = bytes::unzigzag(key >> 1);
        self.local = self.local.checked_add(1).and_then(|next| next.checked_add(delta)).ok_or(Malformed)?;
        let local = u16::try_from(self.local).map_err(|_| Malformed)?;
        let value = match self.header.kind {
            ValueKind::Number => Value::Number(take_value(&mut self.reader)?),
            ValueKind::Sketch => Value::Sketch(self.sketch()?),
        };
        Ok(Some((local, Timestamp(self.time), value)))
    }

    fn sketch(&mut self) -> Result<Sketch, Malformed> {
        let count: usize = self.reader.small()?;
        // Two bytes a bucket at least: a length that cannot be is not allocated.
        if count > self.reader.remaining() / 2 {
            return Err(Malformed);
        }
        let mut buckets = Vec::with_capacity(count);
        let mut key = 0i64;
        for _ in 0..count {
            key = key.checked_add(self.reader.signed()?).ok_or(Malformed)?;
            let narrow = i32::try_from(key).map_err(|_| Malformed)?;
            buckets.push((BucketKey(narrow), take_value(&mut self.reader)?));
        }
        Sketch::from_buckets(buckets).ok_or(Malformed)
    }
}

/// Which power of ten made the last value whole: the next one's likely is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Exponent(u8);

const POWERS: [f64; 7] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];
/// The tag that says: eight raw bytes follow.
const RAW: u8 = 7;
const LARGEST_WHOLE: f64 = (1u64 << 53) as f64;

/// A decimal with up to six places as `zigzag(n) << 3 | places`, anything else as tag 7 and its bits.
#[inline]
fn put_value(out: &mut Vec<u8>, value: f64, hint: &mut Exponent) {
    let places = if fits(value, hint.0) { Some(hint.0) } else { other_places(value, hint.0) };
    match places {
        Some(places) => {
            let whole = (value * POWERS[usize::from(places)]).round() as i64;
            put_varint(out, zigzag(whole) << 3 | u64::from(places));
            hint.0 = places;
        }
        None => {
            out.push(RAW);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
            hint.0 = RAW;
        }
    }
}

/// After a raw value only the cheap guesses are made: one long fraction is followed by others.
#[inline(never)]
fn other_places(value: f64, hint: u8) -> Option<u8> {
    let guesses: &[u8] = if hint == RAW { &[0, 2] } else { &[0, 1, 2, 3, 4, 5, 6] };
    guesses.iter().copied().find(|places| fits(value, *places))
}

#[inline]
fn fits(value: f64, places: u8) -> bool {
    let Some(power) = POWERS.get(usize::from(places)) else { return false };
    let whole = (value * power).round();
    whole.abs() < LARGEST_WHOLE && (whole as i64 as f64 / power).to_bits() == value.to_bits()
}

#[inline]
fn take_value(reader: &mut Reader<'_>) -> Result<f64, Malformed> {
    let tagged = reader.varint()?;
    let tag = (tagged & 7) as u8;
    if tag == RAW {
        return if tagged == u64::from(RAW) { Ok(f64::from_bits(reader.u64()?)) } else { Err(Malformed) };
    }
    Ok(bytes::unzigzag(tagged >> 3) as f64 / POWERS[usize::from(tag)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: ValueKind) -> Header {
        Header { kind, stripe: 3, archive: 1, lazy_to: 2, now: Timestamp(1_700_000_000) }
    }

    type Points = Vec<(u16, i64, Value)>;

    fn read(frame: &[u8]) -> Result<(Header, Points), Malformed> {
        let (payload, _) = bytes::frame_at(frame, 0).ok_or(Malformed)?;
        let mut reader = RecordReader::new(payload)?;
        let mut points = Vec::new();
        while let Some((local, time, value)) = reader.next_point()? {
            points.push((local, time.0, value));
        }
        Ok((reader.header, points))
    }

    #[test]
    fn numbers_come_back_bit_for_bit() {
        let values = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            12.34,
            1e6,
            0.000_001,
            1.0 / 3.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
            9_007_199_254_740_992.0,
            5e-324,
            123_456.789_012,
            2.5,
            1e15 + 0.5,
        ];
        let mut writer = RecordWriter::default();
        writer.begin(header(ValueKind::Number));
        for (index, value) in values.iter().enumerate() {
            let local = if index == 3 { 65_535 } else { index as u16 };
            writer.number(local, Timestamp(1_700_000_000 + (index as i64 / 4) * 7 - 10), *value);
        }
        let (seen, points) = read(writer.finish()).unwrap();
        assert_eq!(seen, header(ValueKind::Number));
        let bits = |value: &Value| if let Value::Number(v) = value { v.to_bits() } else { 0 };
        let back: Vec<u64> = points.iter().map(|(_, _, value)| bits(value)).collect();
        assert_eq!(back, values.map(f64::to_bits));
        assert_eq!((points[3].0, points[4].0, points[4].1), (65_535, 4, 1_699_999_997));
    }

    #[test]
    fn sketches_come_back() {
        let sketch = Sketch::from_values([(1.0, 1.0), (-5.0, 0.1), (1e6, 10.0)]);
        let mut writer = RecordWriter::default();
        writer.begin(header(ValueKind::Sketch));
        writer.sketch(7, Timestamp(5), &sketch);
        writer.sketch(8, Timestamp(5), &Sketch::default());
        let (_, points) = read(writer.finish()).unwrap();
        assert_eq!(points, [(7, 5, Value::Sketch(sketch)), (8, 5, Value::Sketch(Sketch::default()))]);
    }

    #[test]
    fn a_group_comes_back_with_its_mark_or_not_at_all() {
        let sketch = Sketch::from_values([(1.0, 1.0)]);
        let mut group = GroupWriter::default();
        for local in [3, 9] {
            let mut writer = RecordWriter::default();
            writer.begin(header(ValueKind::Sketch));
            writer.sketch(local, Timestamp(5), &sketch);
            group.push(&writer);
        }
        let through = Some(crate::marks::RowKey { name: b"b".to_vec(), time: 5 });
        let mark = Mark { sender: "statsd".into(), number: 9, settled: 8, at: Timestamp(5), through };
        for mark in [Some(&mark), None] {
            let frame = group.finish(mark).to_vec();
            let (payload, _) = bytes::frame_at(&frame, 0).unwrap();
            let parts = read_parts(payload).unwrap();
            assert_eq!(parts.mark.as_ref(), mark);
            let locals: Vec<_> = parts
                .records
                .iter()
                .map(|record| RecordReader::new(record).unwrap().next_point().unwrap().unwrap())
                .collect();
            assert_eq!(locals, [3, 9].map(|local| (local, Timestamp(5), Value::Sketch(sketch.clone()))));
            assert!((0..frame.len()).all(|cut| bytes::frame_at(&frame[..cut], 0).is_none()));
            assert!(read_parts(&payload[..payload.len() - 1]).is_err());
        }
    }

    #[test]
    fn a_regular_flush_costs_few_bytes() {
        let mut writer = RecordWriter::default();
        writer.begin(header(ValueKind::Number));
        for local in 0..1000 {
            writer.number(local, Timestamp(1_700_000_000), f64::from(local) / 10.0);
        }
        assert!(writer.finish().len() < 3_500, "{}", writer.finish().len());
    }

    /// The record of `docs/formats/wal.md`, written by hand.
    #[test]
    fn the_drawn_record_reads() {
        let mut frame = Vec::new();
        bytes::put_frame(&mut frame, |out| {
            out.extend_from_slice(&[0x00, 0x00, 0xff, 0x02, 0xc8, 0x01]);
            out.extend_from_slice(&[0x00, 0xd1, 0x07]);
            out.extend_from_slice(&[0x81, 0x02, 0x02, 0x07]);
            out.extend_from_slice(&(1.0f64 / 3.0).to_bits().to_le_bytes());
        });
        let (seen, points) = read(&frame).unwrap();
        assert_eq!((seen.stripe, seen.archive, seen.lazy_to, seen.now.0), (2, 0, ALL_LATER, 100));
        assert_eq!(points, [(0, 100, Value::Number(6.1)), (65, 101, Value::Number(1.0 / 3.0))]);
    }

    /// The group of `docs/formats/wal.md`, written by hand.
    #[test]
    fn the_drawn_group_reads() {
        let mut payload = vec![0x02, 0x01, 0x06];
        payload.extend_from_slice(b"statsd");
        payload.extend_from_slice(&[0x09, 0x08, 0x0a, 0x00]);
        payload.extend_from_slice(&[0x09, 0x01, 0x00, 0xff, 0x00, 0x0a, 0x00, 0x01, 0x02, 0x10]);
        let parts = read_parts(&payload).unwrap();
        let mark = Mark { sender: "statsd".into(), number: 9, settled: 8, at: Timestamp(5), through: None };
        assert_eq!((parts.mark, parts.records.len()), (Some(mark), 1));
        let mut points = RecordReader::new(parts.records[0]).unwrap();
        let sketch = Sketch::from_buckets(vec![(BucketKey(1), 1.0)]).unwrap();
        assert_eq!(points.next_point(), Ok(Some((0, Timestamp(5), Value::Sketch(sketch)))));
    }
}
