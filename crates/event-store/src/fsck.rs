//! Is all that was written there? Every record is read, unpacked, and looked up in the index. Nothing is changed.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use disk::{DiskError, Doing, Io};
use vocabulary::error::EventKey;

use crate::index::{Entry, SealedIndex};
use crate::open::segment_number;
use crate::reader::{Reader, Records, Scan};
use crate::writer::{HEADER_BYTES, Header, read_header};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: u64,
    pub events: u64,
    pub findings: Vec<Finding>,
}

/// What is not as it should be, and in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// The open segment of a store that is in use may be told of as torn: ask while it is not.
pub fn check(io: &dyn Io, directory: &Path) -> Result<Report, DiskError> {
    let mut report = Report::default();
    let names = io.list(directory).doing("listing", directory)?.into_iter().map(|entry| entry.name);
    let segments: Vec<String> = names.filter(|name| segment_number(name).is_some()).collect();
    for (at, name) in segments.iter().enumerate() {
        let path = directory.join(name);
        let findings = check_segment(io, &path, at + 1 == segments.len(), &mut report)?;
        let finding = |what| Finding { path: path.clone(), what };
        report.findings.extend(findings.into_iter().map(finding));
    }
    Ok(report)
}

fn check_segment(
    io: &dyn Io,
    path: &Path,
    is_last: bool,
    report: &mut Report,
) -> Result<Vec<String>, DiskError> {
    report.segments += 1;
    let file = io.open(path).doing("opening", path)?;
    let length = file.length().doing("opening", path)?;
    let mut header = vec![0; length.min(HEADER_BYTES as u64) as usize];
    file.read_at(&mut header, 0).doing("reading", path)?;
    if !matches!(read_header(&header), Header::First(_)) {
        return Ok(vec!["it does not begin as a file of events".into()]);
    }
    let index = SealedIndex::read(&*file).doing("reading the index of", path)?;
    let end = index.as_ref().map_or(length, |index| index.end);
    let records = Records { file, path: path.to_owned(), end };
    let mut findings = Vec::new();
    let stand = check_records(&records, report, &mut findings)?;
    match index {
        Some(index) => check_index(&index, &records, &stand, &mut findings).doing("reading", path)?,
        None if is_last => {}
        None => findings.push("it has no index: the next start makes one".into()),
    }
    Ok(findings)
}

/// Where each event stands.
fn check_records(
    records: &Records,
    report: &mut Report,
    findings: &mut Vec<String>,
) -> Result<HashMap<EventKey, u32>, DiskError> {
    let mut stand = HashMap::new();
    let mut scan = Scan::new(records.clone(), HEADER_BYTES as u64);
    let mut reader = Reader::new(records.clone());
    let mut last = None;
    while let Some((offset, loaded)) = scan.step()? {
        report.events += 1;
        let number = loaded.record.number;
        if last.is_some_and(|last| last >= number) {
            findings.push(format!("event {number} at byte {offset} comes after a later one"));
        }
        last = Some(number);
        if let Err(error) = reader.body(&loaded) {
            findings.push(format!("event {number} at byte {offset}: {error}"));
        }
        stand.entry(loaded.record.key).or_insert(offset);
    }
    if scan.damaged > 0 {
        findings.push(format!("the checksums of {} events do not hold", scan.damaged));
    }
    if !scan.is_whole() {
        findings.push(format!("its events can be read to byte {} of {}", scan.sound_end, records.end));
    }
    Ok(stand)
}

fn check_index(
    index: &SealedIndex,
    records: &Records,
    stand: &HashMap<EventKey, u32>,
    findings: &mut Vec<String>,
) -> io::Result<()> {
    let file = &*records.file;
    if !index.holds(file)? {
        findings.push("the checksum of its index does not hold".into());
    }
    let entries = index.entries(file, 0..index.count)?;
    if entries.len() != stand.len() {
        findings.push(format!("its index has {} events, its records {}", entries.len(), stand.len()));
    }
    for Entry { key, offset, .. } in entries {
        if stand.get(&key) != Some(&offset) {
            findings.push(format!("its index says that event {} stands at byte {offset}", key.id));
        } else if index.find(file, key.project, key.id)?.is_none() {
            findings.push(format!("its index by id lacks event {}", key.id));
        }
    }
    Ok(())
}
