//! Several files of one tier and stripe become one: series by series, in constant memory.

use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::StoreError;

use crate::block::{BlockFile, BlockScan, ReadFailure, overlay_page};
use crate::policy::Slot;
use crate::value::Value;

/// Called with the number of bytes read; waits as long as the work's rate is to be kept.
pub type Pace<'a> = &'a (dyn Fn(u64) + 'a);

/// Takes a joined row of a series.
pub type Sink<'a, V> = &'a mut dyn FnMut(u16, &[V]) -> Result<(), StoreError>;

/// How a merge went.
#[derive(Debug, Default)]
pub struct Merged {
    /// Numbers of files of which something could not be read: to be kept aside.
    pub damaged: Vec<u64>,
}

/// Give the joined rows over `slots` of all series that are to be kept to `sink`, in rising order. The
/// files must be in the order of their sequences: later ones win.
pub fn merge_files<V: Value>(
    files: &[Arc<BlockFile>],
    slots: &Range<Slot>,
    keep: &dyn Fn(u16) -> bool,
    pace: Pace<'_>,
    sink: Sink<'_, V>,
) -> Result<Merged, StoreError> {
    let mut merged = Merged::default();
    let mut scans: Vec<BlockScan> = Vec::with_capacity(files.len());
    for file in files {
        match file.scan() {
            Ok(scan) => {
                if scan.is_incomplete() {
                    merged.damaged.push(file.meta.number);
                }
                scans.push(scan);
            }
            Err(ReadFailure::Damaged(_)) => merged.damaged.push(file.meta.number),
            // May pass: the files stay as they are, and the merge is tried again.
            Err(ReadFailure::Io(why)) => return Err(unreadable(file, &why)),
        }
    }
    let mut row = Vec::new();
    let mut scratch = Vec::new();
    let mut bytes = 0;
    while let Some(local) = scans.iter().filter_map(BlockScan::peek).min() {
        row.clear();
        row.resize((slots.end - slots.start) as usize, V::ABSENT);
        for scan in scans.iter_mut().filter(|scan| scan.peek() == Some(local)) {
            bytes += overlay(scan, local, slots, &mut row, &mut scratch, &mut merged)?;
        }
        if keep(local) && !row.iter().all(V::is_absent) {
            sink(local, &row)?;
        }
        if bytes >= 1 << 20 {
            pace(bytes);
            bytes = 0;
        }
    }
    pace(bytes);
    Ok(merged)
}

fn unreadable(file: &BlockFile, why: &str) -> StoreError {
    StoreError::Disk(format!("read {}: {why}", file.path.display()))
}

fn overlay<V: Value>(
    scan: &mut BlockScan,
    local: u16,
    slots: &Range<Slot>,
    row: &mut [V],
    scratch: &mut Vec<V>,
    merged: &mut Merged,
) -> Result<u64, StoreError> {
    let file = Arc::clone(scan.file());
    let page = match scan.take() {
        Ok(page) => Some(page),
        Err(ReadFailure::Damaged(_)) => None,
        Err(ReadFailure::Io(why)) => return Err(unreadable(&file, &why)),
    };
    let good = page.is_some_and(|page| overlay_page(&file.meta, page, slots, row, scratch).is_ok());
    if !good {
        file.note_bad_page(local);
        if !merged.damaged.contains(&file.meta.number) {
            merged.damaged.push(file.meta.number);
        }
    }
    Ok(page.map_or(0, |page| page.len() as u64))
}
