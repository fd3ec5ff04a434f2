//! Points and sketches on their way to the store: flat, reusable batches.

use std::ops::Range;

use crate::{Sketch, Timestamp};

/// Points with their names in one arena, so that a batch that is cleared and filled again allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct PointBatch {
    text: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    name_start: u32,
    name_end: u32,
    time: Timestamp,
    value: f64,
}

/// One row of a batch: a canonical name (see [`crate::series::canonical`]), when, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedPoint<'a> {
    pub name: &'a [u8],
    pub time: Timestamp,
    pub value: f64,
}

impl PointBatch {
    pub fn with_capacity(points: usize, name_bytes: usize) -> PointBatch {
        PointBatch { text: Vec::with_capacity(name_bytes), rows: Vec::with_capacity(points) }
    }

    pub fn push(&mut self, name: &[u8], time: Timestamp, value: f64) {
        self.push_parts(&[name], time, value);
    }

    /// A name put together from parts, without an intermediate string.
    pub fn push_parts(&mut self, name: &[&[u8]], time: Timestamp, value: f64) {
        let name_start = self.text.len() as u32;
        for part in name {
            self.text.extend_from_slice(part);
        }
        let name_end = u32::try_from(self.text.len()).expect("a batch holds less than 4 GiB of names");
        self.rows.push(Row { name_start, name_end, time, value });
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
    }

    /// The time of the oldest point.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.rows.iter().map(|row| row.time).min()
    }

    pub fn get(&self, index: usize) -> NamedPoint<'_> {
        self.named(&self.rows[index])
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = NamedPoint<'_>> + Clone {
        self.rows.iter().map(|row| self.named(row))
    }

    fn named(&self, row: &Row) -> NamedPoint<'_> {
        NamedPoint {
            name: &self.text[row.name_start as usize..row.name_end as usize],
            time: row.time,
            value: row.value,
        }
    }
}

/// Sketches of one flush. They go to series of kind [`crate::ValueKind::Sketch`], a name space of their own.
#[derive(Clone, Debug, Default)]
pub struct SketchBatch {
    text: Vec<u8>,
    rows: Vec<(Range<u32>, Timestamp, Sketch)>,
}

impl SketchBatch {
    pub fn push(&mut self, name: &[u8], time: Timestamp, sketch: Sketch) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(name);
        let end = u32::try_from(self.text.len()).expect("a batch holds less than 4 GiB of names");
        self.rows.push((start..end, time, sketch));
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], Timestamp, &Sketch)> {
        self.rows
            .iter()
            .map(|(name, time, sketch)| (&self.text[name.start as usize..name.end as usize], *time, sketch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_what_was_pushed() {
        let mut batch = PointBatch::default();
        batch.push(b"a.b", Timestamp(1), 2.0);
        batch.push_parts(&[b"stats.", b"c", b".sum"], Timestamp(3), 4.0);
        let seen: Vec<_> = batch.iter().map(|p| (p.name.to_vec(), p.time.0, p.value)).collect();
        assert_eq!(seen, [(b"a.b".to_vec(), 1, 2.0), (b"stats.c.sum".to_vec(), 3, 4.0)]);
        batch.clear();
        assert!(batch.is_empty());
    }
}
