//! Events that go: a segment is written anew without them, and takes the place of the one that it came from.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use disk::{DiskError, Doing, Io};
use vocabulary::Timestamp;
use vocabulary::error::{EventBody, EventId};
use vocabulary::ports::{EventLogError, IsWanted};

use crate::index::{Entry, Span};
use crate::limits::{EXPIRED_SHARE, REWRITE_BYTES};
use crate::marks::Marks;
use crate::open::segment_path;
use crate::reader::{Reader, Records};
use crate::record::Record;
use crate::sealed::Sealed;
use crate::store::{EventStore, Inner};
use crate::writer::Writer;

/// Bodies on their way from one segment to the other.
#[derive(Default)]
struct Kept {
    events: Vec<(Record, Vec<u8>)>,
    bytes: usize,
}

impl EventStore {
    pub(crate) fn expire_before(&self, project: u64, before: Timestamp) -> Result<u64, EventLogError> {
        let _upkeep = self.upkeep.lock();
        let mut marks = Marks::clone(&self.inner.lock().marks);
        if marks.raise_floor(project, before) {
            self.set_marks(marks)?;
        }
        let marks = Arc::clone(&self.inner.lock().marks);
        self.roll_if(|inner| {
            let expired = inner.open.index.count(|entry| entry.key.at < marks.floor(entry.key.project));
            is_many(expired, inner.open.index.len() as u64)
        })?;
        let mut gone = 0;
        for segment in self.view().sealed {
            let expired = expired(&segment, &marks)?;
            if is_many(expired, segment.index.count.into()) {
                let stays = |entry: &Entry| entry.key.at >= marks.floor(entry.key.project);
                let went = self.rewrite(&segment, stays)?;
                self.counters.expired_events.add(went);
                gone += went;
            }
        }
        self.keep_names()?;
        Ok(gone)
    }

    pub(crate) fn erase_events(&self, project: u64, ids: &HashSet<EventId>) -> Result<u64, EventLogError> {
        let goes = |entry: &Entry| entry.key.project == project && ids.contains(&entry.key.id);
        let _upkeep = self.upkeep.lock();
        self.roll_if(|inner| inner.open.index.of_project(project).any(goes))?;
        let mut gone = 0;
        for segment in self.view().sealed {
            if segment.of_project(project)?.iter().any(goes) {
                let erased = self.rewrite(&segment, |entry| !goes(entry))?;
                self.counters.erased_events.add(erased);
                gone += erased;
            }
        }
        self.keep_names()?;
        Ok(gone)
    }

    pub(crate) fn ids_where(&self, project: u64, is_wanted: IsWanted<'_>) -> Result<Vec<EventId>, DiskError> {
        let (open, entries, sealed) = {
            let inner = self.inner.lock();
            let entries: Vec<Entry> = inner.open.index.of_project(project).copied().collect();
            (inner.open.records(), entries, inner.sealed.values().cloned().collect::<Vec<_>>())
        };
        let mut ids = self.wanted_of(open, entries, is_wanted)?;
        for segment in sealed {
            ids.extend(self.wanted_of(segment.records(), segment.of_project(project)?, is_wanted)?);
        }
        Ok(ids)
    }

    fn wanted_of(
        &self,
        records: Records,
        mut entries: Vec<Entry>,
        is_wanted: IsWanted<'_>,
    ) -> Result<Vec<EventId>, DiskError> {
        entries.sort_unstable_by_key(|entry| entry.offset);
        let mut reader = Reader::new(records);
        let mut ids = Vec::new();
        for Entry { key, user, offset, .. } in entries {
            let body = match reader.event(offset, |there| *there == key) {
                Ok((_, body)) => Some(body),
                Err(error) if error.cause.kind() == io::ErrorKind::InvalidData => None,
                Err(error) => return Err(error),
            };
            if is_wanted(user, body.as_deref()) {
                ids.push(key.id);
            }
        }
        Ok(ids)
    }

    /// What was renamed and removed stays so after a power cut.
    fn keep_names(&self) -> Result<(), DiskError> {
        self.io.sync_dir(&self.directory).doing("syncing", &self.directory)
    }

    fn roll_if(&self, needed: impl FnOnce(&Inner) -> bool) -> Result<(), DiskError> {
        let mut inner = self.inner.lock();
        if needed(&inner) { self.roll(&mut inner) } else { Ok(()) }
    }

    /// How many went. The old file is there, whole, until the new one is. What is damaged goes with it.
    fn rewrite(&self, old: &Sealed, stays: impl Fn(&Entry) -> bool) -> Result<u64, DiskError> {
        let beside = old.path.with_extension("tmp");
        let gone = self.write_anew(old, &beside, stays);
        if gone.is_err() {
            // Its room may be what is missing.
            drop(self.io.remove(&beside));
        }
        gone
    }

    fn write_anew(
        &self,
        old: &Sealed,
        beside: &Path,
        stays: impl Fn(&Entry) -> bool,
    ) -> Result<u64, DiskError> {
        let mut new = Writer::create(&*self.io, beside, old.first)?;
        let gone = self.copy(old, &mut new, stays)?;
        // Numbers are never given twice, also not those of what went.
        new.next = old.index.next;
        if new.index.len() == 0 {
            self.io.remove(beside).doing("removing", beside)?;
            self.io.remove(&old.path).doing("removing", &old.path)?;
            self.inner.lock().sealed.remove(&old.first);
            return Ok(gone);
        }
        let mut segment = new.seal(&*self.io)?;
        segment.path = segment_path(&self.directory, old.first);
        self.io.rename(beside, &segment.path).doing("renaming", beside)?;
        self.inner.lock().sealed.insert(old.first, Arc::new(segment));
        Ok(gone)
    }

    /// Packed anew: what stays may have been packed against what goes.
    fn copy(&self, old: &Sealed, new: &mut Writer, stays: impl Fn(&Entry) -> bool) -> Result<u64, DiskError> {
        let mut gone = 0;
        let mut kept = Kept::default();
        let mut reader = Reader::new(old.records());
        for entry in old.by_offset()? {
            if !stays(&entry) {
                gone += 1;
                continue;
            }
            match reader.event(entry.offset, |key| *key == entry.key) {
                Ok((record, body)) => kept.push(record, body),
                Err(error) if error.cause.kind() == io::ErrorKind::InvalidData => {
                    self.counters.damaged_events.add(1);
                }
                Err(error) => return Err(error),
            }
            if kept.bytes > REWRITE_BYTES {
                kept.write(&*self.io, new)?;
            }
        }
        kept.write(&*self.io, new)?;
        Ok(gone)
    }
}

impl Kept {
    fn push(&mut self, record: Record, body: Vec<u8>) {
        self.bytes += body.len();
        self.events.push((record, body));
    }

    fn write(&mut self, io: &dyn Io, new: &mut Writer) -> Result<(), DiskError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let events: Vec<_> = self.events.iter().map(|(record, body)| numbered(record, body)).collect();
        new.append(io, &events)?;
        *self = Kept::default();
        Ok(())
    }
}

fn numbered<'b>(record: &Record, body: &'b [u8]) -> (u64, EventBody<'b>) {
    (record.number, EventBody { key: record.key, user: record.user, body })
}

fn is_many(expired: u64, all: u64) -> bool {
    expired > 0 && expired * EXPIRED_SHARE >= all
}

fn expired(segment: &Sealed, marks: &Marks) -> Result<u64, DiskError> {
    let of_span = |span: &Span| -> Result<u64, DiskError> {
        let floor = marks.floor(span.project);
        if span.newest < floor {
            return Ok(span.entries.len() as u64);
        }
        if span.oldest >= floor {
            return Ok(0);
        }
        let entries = segment.of_project(span.project)?;
        Ok(entries.iter().filter(|entry| entry.key.at < floor).count() as u64)
    };
    segment.index.spans.iter().map(of_span).sum()
}
