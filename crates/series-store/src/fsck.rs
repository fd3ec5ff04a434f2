//! Is a store on disk whole? Reads everything, changes nothing.

use std::path::Path;
use std::sync::Arc;

use disk::{Io, read_whole};
use vocabulary::{Sketch, ValueKind};

use crate::block::{BlockFile, OpenFiles, ReadFailure};
use crate::damage::Damage;
use crate::limits::*;
use crate::manifest::{self, Found, State};
use crate::open::block_files;
use crate::series_log::{self, log_path};
use crate::value::Value;
use crate::wal::{self, Records};
use crate::wal_record::{RecordReader, read_parts};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    pub files: u64,
    pub pages: u64,
    pub series: u64,
    pub log_records: u64,
    /// Empty if all is well.
    pub problems: Vec<String>,
    /// What is not wrong, but worth a remark: torn ends, leftovers.
    pub remarks: Vec<String>,
}

/// Check a directory that no process has open.
pub fn fsck(io: Arc<dyn Io>, directory: &Path) -> FsckReport {
    let mut report = FsckReport::default();
    let state = match manifest::find(&*io, directory) {
        Ok(Found::Sound { state, torn, .. }) => {
            report.remark(torn > 0, format!("{torn} bytes at the end of the manifest are torn"));
            state
        }
        Ok(Found::Nothing) => {
            report.problems.push(format!("{} holds no store", directory.display()));
            return report;
        }
        Ok(Found::Foreign { major }) => {
            report.problems.push(format!("the manifest is of version {major}, which is unknown here"));
            return report;
        }
        Ok(Found::Lost { why, .. }) => {
            report.problems.push(why);
            State::default()
        }
        Err(error) => {
            report.problems.push(format!("the manifest cannot be read: {error}"));
            return report;
        }
    };
    let blocks = directory.join("blocks");
    let open = Arc::new(OpenFiles::default());
    for meta in state.files.values() {
        let damage = Arc::new(Damage::default());
        report.check_file(&BlockFile::new(*meta, &blocks, Arc::clone(&io), Arc::clone(&open), damage));
    }
    let listed: Vec<_> = state.files.values().map(|meta| meta.path(&blocks)).collect();
    for (path, _) in block_files(&*io, &blocks) {
        report.remark(!listed.contains(&path), format!("{} is not in the manifest", path.display()));
    }
    report.check_series(&*io, directory, state.series_log);
    report.check_log(&*io, directory);
    report
}

impl FsckReport {
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn remark(&mut self, there: bool, text: String) {
        if there {
            self.remarks.push(text);
        }
    }

    pub(crate) fn check_file(&mut self, file: &Arc<BlockFile>) {
        self.files += 1;
        let checked = match file.meta.place.tier.kind {
            ValueKind::Number => self.check_pages::<f64>(file),
            ValueKind::Sketch => self.check_pages::<Option<Sketch>>(file),
        };
        if let Err(why) = checked {
            self.problems.push(format!("{}: {why}", file.path.display()));
        }
    }

    fn check_pages<V: Value>(&mut self, file: &Arc<BlockFile>) -> Result<(), ReadFailure> {
        let mut scan = file.scan()?;
        if scan.is_incomplete() {
            self.problems.push(format!("{}: a part of the index fails its check", file.path.display()));
        }
        let slots = file.meta.slots as usize;
        let mut row = vec![V::ABSENT; slots];
        while let Some(local) = scan.peek() {
            let page = scan.take()?;
            self.pages += 1;
            if let Err(error) = V::decode(page, slots, 0..slots, &mut row) {
                self.problems.push(format!("{}: series {local} of the stripe: {error}", file.path.display()));
            }
        }
        Ok(())
    }

    fn check_series(&mut self, io: &dyn Io, directory: &Path, sequence: u64) {
        let path = log_path(&directory.join("series"), sequence);
        let bytes = match read_whole(io, &path, SERIES_LOG_BYTES_READ) {
            Ok(bytes) => bytes,
            Err(error) => return self.problems.push(format!("{}: {error}", path.display())),
        };
        let read = series_log::load(&bytes, &mut |record| {
            self.series += u64::from(matches!(record, series_log::Record::Series { .. }));
            Ok(())
        });
        match read {
            Ok(read) => {
                self.remark(
                    read.torn > 0,
                    format!("{}: {} bytes at the end are torn", path.display(), read.torn),
                );
                if read.damaged > 0 {
                    self.problems.push(format!(
                        "{}: {} bytes fail their check",
                        path.display(),
                        read.damaged
                    ));
                }
            }
            Err(why) => self.problems.push(format!("{}: {why:?}", path.display())),
        }
    }

    fn check_log(&mut self, io: &dyn Io, directory: &Path) {
        let directory = directory.join("wal");
        let entries = io.list(&directory).unwrap_or_default();
        let mut segments: Vec<u32> =
            entries.iter().filter_map(|entry| wal::segment_of(&entry.name)).collect();
        segments.sort_unstable();
        for segment in &segments {
            let path = wal::segment_path(&directory, *segment);
            match read_whole(io, &path, 4 * WAL_SEGMENT_BYTES) {
                Ok(bytes) => self.check_segment(&path, &bytes, *segment, Some(segment) == segments.last()),
                Err(error) => self.problems.push(format!("{}: {error}", path.display())),
            }
        }
    }

    fn check_segment(&mut self, path: &Path, bytes: &[u8], segment: u32, last: bool) {
        if last && bytes.len() < wal::HEADER_BYTES {
            return self.remark(true, format!("{}: was just begun", path.display()));
        }
        if !wal::is_of(bytes, segment) {
            self.problems.push(format!("{}: the header fails its check", path.display()));
            return;
        }
        let mut records = Records::new(bytes);
        let mut damaged = false;
        for (_, payload) in records.by_ref() {
            self.log_records += 1;
            let sound = read_parts(payload).and_then(|parts| {
                parts.records.iter().try_for_each(|record| {
                    let mut reader = RecordReader::new(record)?;
                    while reader.next_point()?.is_some() {}
                    Ok(())
                })
            });
            damaged |= sound.is_err();
        }
        let rest = records.rest();
        damaged |= rest > 0 && (!last || records.resync());
        if damaged {
            self.problems.push(format!("{}: records fail their check", path.display()));
        } else {
            self.remark(rest > 0, format!("{}: {rest} bytes at the end are torn", path.display()));
        }
    }
}
