//! The values of gauges on disk, so that they outlive the process: see docs/formats/journal.md.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::chunks::{self, Chunks};

const MAGIC: [u8; 8] = *b"BWSG\x01\0\0\0";
const MARK: chunks::Mark = *b"\xf1gau";

/// A record is cut into several when it grows past this, so that none comes near a chunk's bound.
const RECORD_BYTES: usize = 256 * 1024;

/// A log below this is not worth rewriting.
const REWRITE_BYTES_MIN: u64 = 1024 * 1024;

/// With all gauges changing in each flush it is rewritten after so many: often enough for a quick start, seldom
/// enough to cost nothing.
const REWRITE_GROWTH: u64 = 8;

/// Gauges by name; `None` was deleted.
type Changes = Vec<(Vec<u8>, Option<f64>)>;

pub struct GaugeLog {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Length after the last rewriting.
    bytes_then: u64,
    dirty: bool,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Found {
    /// Values as they were before the flush of the oldest segment that was left behind.
    pub gauges: BTreeMap<Vec<u8>, f64>,
    /// Of all records, left out or not: numbers of new segments must lie above it.
    pub last_sequence: u64,
    pub lost_bytes: u64,
    /// The file was not one of ours and stands aside under this name.
    pub set_aside: Option<PathBuf>,
}

impl GaugeLog {
    /// `before`: records of this segment and later ones are left out.
    pub fn open(directory: &Path, before: u64) -> io::Result<(GaugeLog, Found)> {
        let path = directory.join("gauges.log");
        let mut found = Found::default();
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                let mut magic = [0; MAGIC.len()];
                // Shorter than its header: it was being made when the process was killed.
                let whole = file.read_exact(&mut magic).is_ok();
                if whole && magic != MAGIC {
                    let aside = path.with_extension("log.unreadable");
                    std::fs::rename(&path, &aside)?;
                    found.set_aside = Some(aside);
                } else if whole {
                    found.lost_bytes = read_log(&file, |sequence, name, value| {
                        found.last_sequence = found.last_sequence.max(sequence);
                        if sequence < before {
                            apply(&mut found.gauges, name, value);
                        }
                    })?;
                } else {
                    std::fs::remove_file(&path)?;
                }
            }
        }
        Ok((GaugeLog::append_to(path)?, found))
    }

    fn append_to(path: PathBuf) -> io::Result<GaugeLog> {
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        let mut bytes = file.metadata()?.len();
        if bytes == 0 {
            file.write_all(&MAGIC)?;
            bytes = MAGIC.len() as u64;
        }
        Ok(GaugeLog { path, file, bytes, bytes_then: bytes, dirty: false })
    }

    /// The gauges that changed up to the flush of segment `sequence`.
    pub fn append<'a>(
        &mut self,
        sequence: u64,
        changes: impl Iterator<Item = (&'a [u8], Option<f64>)>,
    ) -> io::Result<()> {
        let mut record = Vec::new();
        for (index, (name, value)) in changes.enumerate() {
            if index == 0 || record.len() > RECORD_BYTES {
                self.write(&mut record)?;
                begin(&mut record, sequence);
            }
            put(&mut record, name, value);
        }
        self.write(&mut record)
    }

    fn write(&mut self, record: &mut [u8]) -> io::Result<()> {
        if !record.is_empty() {
            chunks::finish(record);
            self.dirty = true;
            self.file.write_all(record)?;
            self.bytes += record.len() as u64;
        }
        Ok(())
    }

    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Rewrites the log if it has grown enough; `oldest` is the oldest segment that may be told again.
    pub fn rewrite_if_grown(&mut self, oldest: u64) -> io::Result<()> {
        if self.bytes < REWRITE_BYTES_MIN || self.bytes < self.bytes_then * REWRITE_GROWTH {
            return Ok(());
        }
        self.rewrite(oldest)
    }

    fn rewrite(&mut self, oldest: u64) -> io::Result<()> {
        let mut settled = BTreeMap::new();
        let mut later: Vec<(u64, Changes)> = Vec::new();
        read_log(&File::open(&self.path)?, |sequence, name, value| {
            if sequence < oldest {
                apply(&mut settled, name, value);
            } else {
                match later.last_mut().filter(|(last, _)| *last == sequence) {
                    Some((_, changes)) => changes.push((name.to_vec(), value)),
                    None => later.push((sequence, vec![(name.to_vec(), value)])),
                }
            }
        })?;
        let temporary = self.path.with_extension("log.tmp");
        if temporary.exists() {
            std::fs::remove_file(&temporary)?;
        }
        let mut next = GaugeLog::append_to(temporary.clone())?;
        let settled = settled.iter().map(|(name, value)| (name.as_slice(), Some(*value)));
        next.append(oldest.saturating_sub(1), settled)?;
        for (sequence, changes) in &later {
            next.append(*sequence, borrowed(changes))?;
        }
        next.sync()?;
        std::fs::rename(&temporary, &self.path)?;
        (next.path, next.bytes_then) = (self.path.clone(), next.bytes);
        *self = next;
        Ok(())
    }
}

fn borrowed(changes: &Changes) -> impl Iterator<Item = (&[u8], Option<f64>)> {
    changes.iter().map(|(name, value)| (name.as_slice(), *value))
}

fn begin(record: &mut Vec<u8>, sequence: u64) {
    chunks::begin(record, MARK);
    record.extend_from_slice(&sequence.to_le_bytes());
}

fn put(record: &mut Vec<u8>, name: &[u8], value: Option<f64>) {
    chunks::put_varint(record, name.len() as u64);
    record.extend_from_slice(name);
    record.push(u8::from(value.is_some()));
    if let Some(value) = value {
        record.extend_from_slice(&value.to_le_bytes());
    }
}

fn apply(gauges: &mut BTreeMap<Vec<u8>, f64>, name: &[u8], value: Option<f64>) {
    match value {
        Some(value) => drop(gauges.insert(name.to_vec(), value)),
        None => drop(gauges.remove(name)),
    }
}

/// Tells every entry in order, and returns how many bytes could not be read.
pub fn read_log(file: &File, mut tell: impl FnMut(u64, &[u8], Option<f64>)) -> io::Result<u64> {
    let mut chunks = Chunks::new(file, MAGIC.len() as u64, MARK);
    while let Some(body) = chunks.next_body()? {
        let Some((sequence, mut entries)) = body.split_first_chunk::<8>() else { continue };
        let sequence = u64::from_le_bytes(*sequence);
        while let Some((name, value)) = take_entry(&mut entries) {
            tell(sequence, name, value);
        }
    }
    Ok(chunks.lost_bytes)
}

fn take_entry<'a>(entries: &mut &'a [u8]) -> Option<(&'a [u8], Option<f64>)> {
    let length = chunks::take_varint(entries)?;
    let name = chunks::take(entries, length)?;
    let (kind, rest) = entries.split_first()?;
    *entries = rest;
    if *kind == 0 {
        return Some((name, None));
    }
    let (value, rest) = entries.split_first_chunk::<8>()?;
    *entries = rest;
    Some((name, Some(f64::from_le_bytes(*value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(list: &[(&str, Option<f64>)]) -> Changes {
        list.iter().map(|(name, value)| (name.as_bytes().to_vec(), *value)).collect()
    }

    fn found(directory: &Path, before: u64) -> Vec<(String, f64)> {
        let (_, found) = GaugeLog::open(directory, before).unwrap();
        found.gauges.into_iter().map(|(name, value)| (String::from_utf8(name).unwrap(), value)).collect()
    }

    #[test]
    fn values_are_as_before_the_oldest_segment() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = GaugeLog::open(directory.path(), u64::MAX).unwrap();
        log.append(1, borrowed(&changes(&[("a", Some(1.0)), ("b", Some(2.0))]))).unwrap();
        log.append(2, borrowed(&changes(&[]))).unwrap();
        log.append(3, borrowed(&changes(&[("a", Some(-3.5)), ("b", None)]))).unwrap();
        let (before, after) = (vec![("a".to_owned(), 1.0), ("b".into(), 2.0)], vec![("a".to_owned(), -3.5)]);
        for rewritten in [false, true] {
            assert_eq!(found(directory.path(), 1), [], "{rewritten}");
            assert_eq!(found(directory.path(), 3), before);
            assert_eq!(found(directory.path(), 4), after);
            log.rewrite(3).unwrap();
        }
        log.append(4, borrowed(&changes(&[("c", Some(9.0))]))).unwrap();
        assert_eq!(found(directory.path(), 5).len(), 2, "appending goes on in the rewritten file");
    }

    #[test]
    fn a_log_that_only_repeats_itself_stays_small() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = GaugeLog::open(directory.path(), u64::MAX).unwrap();
        let many: Changes =
            (0..5_000).map(|n| (format!("gauge.{n}").into_bytes(), Some(f64::from(n)))).collect();
        for sequence in 1..60 {
            log.append(sequence, borrowed(&many)).unwrap();
            log.rewrite_if_grown(sequence).unwrap();
            assert!(log.bytes < 2 * REWRITE_BYTES_MIN.max(log.bytes_then * REWRITE_GROWTH), "{}", log.bytes);
        }
        assert_eq!(found(directory.path(), u64::MAX).len(), 5_000);
    }

    #[test]
    fn torn_and_foreign_logs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gauges.log");
        let (mut log, _) = GaugeLog::open(directory.path(), u64::MAX).unwrap();
        log.append(1, borrowed(&changes(&[("a", Some(1.0))]))).unwrap();
        let whole = std::fs::metadata(&path).unwrap().len();
        log.append(2, borrowed(&changes(&[("a", Some(2.0))]))).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(whole + 5).unwrap();
        assert_eq!(found(directory.path(), u64::MAX), [("a".to_owned(), 1.0)]);
        std::fs::write(&path, b"BWS").unwrap();
        assert_eq!(found(directory.path(), u64::MAX), []);
        std::fs::write(&path, b"something else").unwrap();
        let (_, found) = GaugeLog::open(directory.path(), u64::MAX).unwrap();
        assert!(found.set_aside.is_some_and(|aside| aside.exists()));
    }
}
