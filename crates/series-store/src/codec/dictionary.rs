//! DICTIONARY: few different values, none of them of a kind that another codec knows.

use std::ops::Range;

use super::bytes::{Reader, put_unsigned};
use super::column::{self, ColumnScratch};
use super::float::{ordered, unordered};
use super::{CodecError, Effort};

/// More different values are no dictionary.
const ENTRIES_MAX: usize = 256;

#[derive(Default)]
pub(super) struct DictionaryScratch {
    entries: Vec<i64>,
    indexes: Vec<i64>,
}

impl DictionaryScratch {
    pub(super) fn encode(
        &mut self,
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> bool {
        if !self.collect(values) {
            return false;
        }
        put_unsigned(out, self.entries.len() as u64);
        column::encode(columns, &self.entries, effort, out);
        self.indexes.clear();
        let index = |value: &f64| self.entries.partition_point(|entry| *entry < ordered(*value, 0)) as i64;
        self.indexes.extend(values.iter().map(index));
        column::encode(columns, &self.indexes, effort, out);
        true
    }

    /// Gives up as soon as there are too many to be worth it.
    fn collect(&mut self, values: &[f64]) -> bool {
        self.entries.clear();
        let most = ENTRIES_MAX.min(values.len() / 4);
        for value in values {
            let value = ordered(*value, 0);
            if let Err(at) = self.entries.binary_search(&value) {
                if self.entries.len() >= most {
                    return false;
                }
                self.entries.insert(at, value);
            }
        }
        true
    }
}

pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    let mut entries = vec![0; reader.count(ENTRIES_MAX)?];
    column::decode(reader, &mut entries)?;
    let mut indexes = vec![0; range.len()];
    column::decode_range(reader, count, range, &mut indexes)?;
    for (slot, index) in out.iter_mut().zip(&indexes) {
        let entry = usize::try_from(*index).ok().and_then(|index| entries.get(index));
        *slot = unordered(*entry.ok_or(CodecError::Malformed("an index beyond the dictionary"))?, 0);
    }
    Ok(())
}
