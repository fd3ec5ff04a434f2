//! The rows of the batch that is being collected, so that a killed agent has lost nothing that it had taken.
//! Drawn in docs/formats/agent-batch.md.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::limits;

const MAGIC: [u8; 8] = *b"BWSR\x01\0\0\0";
/// Length and checksum, then the number of the batch.
const HEAD_BYTES: usize = 16;
/// Stands for the number of a batch where the body is a mark.
const MARK: u64 = u64::MAX;

pub struct RowsLog {
    file: Option<File>,
    buffer: Vec<u8>,
    /// Why the last write failed.
    pub failure: Option<String>,
    /// Rows that were taken and not written here: a kill before their batch is closed would lose them.
    pub unwritten_bytes: u64,
}

/// What a run before left behind.
#[derive(Debug, Default)]
pub struct LeftBehind {
    /// Each can be read by itself.
    pub parts: Vec<Vec<u8>>,
    /// The number of the batch that they were to be; 0 without any.
    pub sequence: u64,
    /// Also of batches that are in the spool.
    pub marks: Vec<String>,
    pub lost_bytes: u64,
}

impl RowsLog {
    /// `next`: parts of this batch and later ones are told; those of earlier ones are in the spool.
    pub fn open(path: &Path, next: u64) -> io::Result<(RowsLog, LeftBehind)> {
        let found = match read_file(path) {
            Ok(bytes) => read(&bytes, next),
            Err(error) if error.kind() == io::ErrorKind::NotFound => LeftBehind::default(),
            Err(error) => return Err(error),
        };
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok((RowsLog { file: Some(file), buffer: Vec::new(), failure: None, unwritten_bytes: 0 }, found))
    }

    /// One write, so that what was taken is the kernel's when this returns; with the mark of the batch whose last rows
    /// these are.
    pub fn record(&mut self, sequence: u64, parts: [&[u8]; 2], mark: Option<&str>) {
        let body_bytes = 8 + parts[0].len() + parts[1].len();
        self.buffer.clear();
        put_chunk(&mut self.buffer, sequence, &parts);
        if let Some(mark) = mark {
            put_chunk(&mut self.buffer, MARK, &[mark.as_bytes()]);
        }
        let written = match &mut self.file {
            Some(file) => begin(file).and_then(|()| file.write_all(&self.buffer)),
            // It tries again with the next batch.
            None => Err(io::Error::other("an earlier write failed")),
        };
        if let Err(error) = written {
            // What follows a torn chunk could not be read.
            if self.file.take().is_some() {
                self.failure = Some(error.to_string());
            }
            self.unwritten_bytes += body_bytes as u64;
        }
    }

    /// Everything in it is in the spool.
    pub fn reset(&mut self, path: &Path) {
        let emptied = match &self.file {
            Some(file) => file.set_len(0),
            None => OpenOptions::new().append(true).create(true).open(path).and_then(|file| {
                file.set_len(0)?;
                self.file = Some(file);
                Ok(())
            }),
        };
        self.failure = emptied.err().map(|error| error.to_string());
    }

    pub fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }
}

fn put_chunk(out: &mut Vec<u8>, sequence: u64, parts: &[&[u8]]) {
    let start = out.len();
    let body_bytes = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend_from_slice(&(body_bytes as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&sequence.to_le_bytes());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    let crc = crc32c::crc32c(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limits::ROWS_LOG_BYTES_READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The magic, if the file is empty.
fn begin(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 { file.write_all(&MAGIC) } else { Ok(()) }
}

fn read(bytes: &[u8], next: u64) -> LeftBehind {
    let mut found = LeftBehind::default();
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else {
        found.lost_bytes = bytes.len() as u64;
        return found;
    };
    while let Some((sequence, part, behind)) = chunk(rest) {
        if sequence == MARK {
            found.marks.push(String::from_utf8_lossy(part).into_owned());
        } else if sequence >= next {
            found.parts.push(part.to_vec());
            found.sequence = found.sequence.max(sequence);
        }
        rest = behind;
    }
    found.lost_bytes = rest.len() as u64;
    found
}

fn chunk(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (body, behind) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (sequence, part) = body.split_first_chunk::<8>()?;
    let whole = crc32c::crc32c(body) == u32::from_le_bytes(*crc);
    whole.then_some((u64::from_le_bytes(*sequence), part, behind))
}

const _: () = assert!(HEAD_BYTES == 4 + 4 + 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_found_up_to_where_it_is_torn() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.log");
        let (mut log, found) = RowsLog::open(&path, 0).unwrap();
        assert_eq!((found.parts.len(), found.lost_bytes), (0, 0));
        log.record(4, [b"old", b""], None);
        log.record(5, [b"ab", b"c"], None);
        log.record(5, [b"", b"de"], None);
        let whole = read_file(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (_, found) = RowsLog::open(&path, 5).unwrap();
            let wanted =
                [(whole.len() - 18, 1), (whole.len(), 2)].iter().filter(|(end, _)| *end <= cut).count();
            assert_eq!(found.parts.len(), wanted, "cut at {cut}");
        }
        std::fs::write(&path, &whole).unwrap();
        let (mut log, found) = RowsLog::open(&path, 5).unwrap();
        assert_eq!((found.parts, found.lost_bytes), (vec![b"abc".to_vec(), b"de".to_vec()], 0));
        log.reset(&path);
        log.record(6, [b"new", b""], None);
        assert_eq!(RowsLog::open(&path, 5).unwrap().1.parts, [b"new".to_vec()]);
    }

    #[test]
    fn a_full_disk_is_told_and_the_next_batch_tries_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.log");
        let (mut log, _) = RowsLog::open(&path, 0).unwrap();
        log.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
        log.record(1, [b"lost", b""], None);
        log.record(1, [b"too", b""], None);
        assert!(
            log.failure.is_some() && log.unwritten_bytes == 23,
            "{:?} {}",
            log.failure,
            log.unwritten_bytes
        );
        log.reset(&path);
        log.record(2, [b"kept", b""], None);
        assert_eq!(log.failure, None);
        assert_eq!(RowsLog::open(&path, 0).unwrap().1.parts, [b"kept".to_vec()]);
    }
}
