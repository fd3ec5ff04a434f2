//! Entries for fuzzers: bytes from a disk that nobody can trust. None of them may panic.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use disk::File;
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use crate::index::{Entry, SealedIndex, Wanted};
use crate::marks::Marks;
use crate::reader::{Reader, Records, Scan};
use crate::writer::{HEADER_BYTES, Header, Writer, read_header};

/// Events of one answer.
const LIMIT: usize = 100;

/// A segment, open or sealed, and everything in it.
pub fn event_segment(bytes: &[u8]) {
    let header = bytes.get(..HEADER_BYTES).unwrap_or(bytes);
    let Header::First(first) = read_header(header) else { return };
    let file: Arc<dyn File> = Arc::new(OneFile(Arc::from(bytes)));
    let path = PathBuf::from("segment");
    let index = SealedIndex::read(&*file).expect("memory does not fail");
    let end = index.as_ref().map_or(bytes.len() as u64, |index| index.end);
    let records = Records { file: Arc::clone(&file), path: path.clone(), end };
    let (mut scan, mut reader) = (Scan::new(records.clone(), HEADER_BYTES as u64), Reader::new(records));
    while let Ok(Some((offset, loaded))) = scan.step() {
        let key = loaded.record.key;
        let seen = reader.event(offset, |there| *there == key);
        assert!(seen.is_err() || seen.is_ok_and(|(record, _)| record == loaded.record));
        if let Some(index) = &index {
            let _ = index.find(&*file, key.project, key.id);
            let accept = |_: &Entry| true;
            let (project, group, before) = (key.project, key.group, Some((key.at, key.id)));
            let wanted = Wanted { project, group, before, limit: LIMIT, accept: &accept };
            let found = index.newest(&*file, &wanted).unwrap_or_default();
            assert!(found.len() <= LIMIT);
        }
    }
    if let Ok((writer, recovered)) = Writer::recover(path, file, first) {
        assert_eq!(writer.length + recovered.torn_bytes, bytes.len() as u64);
        let accept = |_: &Entry| true;
        let before = Some((Timestamp(0), EventId::default()));
        let _ = writer.index.newest(&Wanted { project: 1, group: 1, before, limit: LIMIT, accept: &accept });
    }
}

pub fn event_marks(bytes: &[u8]) {
    if let Some(marks) = Marks::read(bytes) {
        assert_eq!(Marks::read(&marks.to_bytes()), Some(marks));
    }
}

struct OneFile(Arc<[u8]>);

impl File for OneFile {
    fn append(&self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}
