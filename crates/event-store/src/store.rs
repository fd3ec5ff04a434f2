//! The parts together: one open segment, many sealed ones, and what is said of their events.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use disk::{DiskError, Doing, Io, replace_whole};
use parking_lot::Mutex;
use vocabulary::Timestamp;
use vocabulary::error::{EventBody, EventId, StoredEvent};
use vocabulary::ports::{
    EventLog, EventLogError, EventLogStats, EventPage, EventTicket, HeldEvents, IsWanted, Replay,
};

use crate::index::{Entry, Wanted};
use crate::limits::{BATCH_BYTES, BATCH_EVENTS, BODY_BYTES, LIST_EVENTS, MARKS_BYTES, RECENT_SEGMENTS};
use crate::marks::Marks;
use crate::open;
use crate::reader::{Reader, Records, Scan};
use crate::record::Record;
use crate::sealed::Sealed;
use crate::stats::Counters;
use crate::writer::{HEADER_BYTES, Writer};

pub struct EventStore {
    pub(crate) io: Arc<dyn Io>,
    pub(crate) directory: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) inner: Mutex<Inner>,
    /// Held by whoever writes segments or marks anew; taken before `inner`.
    pub(crate) upkeep: Mutex<()>,
    pub(crate) counters: Counters,
    pub(crate) _lock: Box<dyn Any + Send + Sync>,
}

pub(crate) struct Inner {
    pub open: Writer,
    /// By the number of their first event.
    pub sealed: BTreeMap<u64, Arc<Sealed>>,
    pub marks: Arc<Marks>,
}

/// What was there at a moment, to be read without holding anybody up.
pub(crate) struct View {
    pub sealed: Vec<Arc<Sealed>>,
    pub open: Records,
    pub marks: Arc<Marks>,
}

/// An event that was found, and where.
struct Hit {
    entry: Entry,
    /// The segment's place in the view; `None` for the open one.
    segment: Option<usize>,
}

impl Inner {
    fn view(&self) -> View {
        View {
            sealed: self.sealed.values().cloned().collect(),
            open: self.open.records(),
            marks: Arc::clone(&self.marks),
        }
    }

    /// The number of the first event on the disk.
    fn oldest(&self) -> u64 {
        self.sealed.keys().next().copied().unwrap_or(self.open.first)
    }
}

impl EventStore {
    pub(crate) fn view(&self) -> View {
        self.inner.lock().view()
    }

    /// Seals the open segment and begins the next one.
    pub(crate) fn roll(&self, inner: &mut Inner) -> Result<(), DiskError> {
        let sealed = inner.open.seal(&*self.io)?;
        let next = inner.open.next;
        let path = open::segment_path(&self.directory, next);
        inner.open = Writer::create(&*self.io, &path, next)?;
        inner.sealed.insert(sealed.first, Arc::new(sealed));
        Ok(())
    }

    fn try_append(&self, inner: &mut Inner, events: &[EventBody<'_>]) -> Result<EventTicket, DiskError> {
        if inner.open.length >= self.segment_bytes && inner.open.index.len() > 0 {
            self.roll(inner)?;
        }
        let (first, length, repeats) = (inner.open.next, inner.open.length, inner.open.repeats);
        let numbered: Vec<(u64, EventBody<'_>)> = (first..).zip(events.iter().copied()).collect();
        inner.open.append(&*self.io, &numbered)?;
        self.counters.appended_events.add(events.len() as u64);
        self.counters.appended_bytes.add(events.iter().map(|event| event.body.len() as u64).sum());
        self.counters.written_bytes.add(inner.open.length - length);
        self.counters.repeats.add(inner.open.repeats - repeats);
        Ok(EventTicket { first, next: inner.open.next })
    }

    /// Written down before it holds. `upkeep` is held.
    pub(crate) fn set_marks(&self, marks: Marks) -> Result<(), EventLogError> {
        let (bytes, path) = (marks.to_bytes(), self.directory.join(open::MARKS));
        if bytes.len() as u64 > MARKS_BYTES {
            let what = "the list of merged groups and retentions";
            return Err(EventLogError::TooLarge { what, bytes: bytes.len(), limit: MARKS_BYTES as usize });
        }
        replace_whole(&*self.io, &path, &bytes).doing("writing", &path)?;
        self.inner.lock().marks = Arc::new(marks);
        Ok(())
    }

    /// Of groups that are known to belong to others, as (project, from, to): what is not known here is moved, as by
    /// [`EventLog::move_group`]. A kill may have come between the two. Answers how many those were.
    pub fn make_up_moves(&self, made: &[(u64, u64, u64)]) -> Result<usize, EventLogError> {
        let _upkeep = self.upkeep.lock();
        let (mut marks, next) = {
            let inner = self.inner.lock();
            (Marks::clone(&inner.marks), inner.open.next)
        };
        let mut missing = 0;
        for (project, from, to) in made {
            if !marks.sources(*project, *to).contains(from) {
                marks.add_move(*project, *from, *to, 0..next);
                missing += 1;
            }
        }
        match missing {
            0 => Ok(0),
            _ => self.set_marks(marks).map(|()| missing),
        }
    }

    /// Of a group, newest first, from all segments.
    fn hits(&self, project: u64, group: u64, page: EventPage) -> Result<(View, Vec<Hit>), DiskError> {
        let limit = page.limit.min(LIST_EVENTS);
        let (view, sources, mut hits) = {
            let inner = self.inner.lock();
            let view = inner.view();
            let sources = view.marks.sources(project, group);
            let marks = Arc::clone(&view.marks);
            let accept = move |entry: &Entry| belongs(&marks, entry, group, page);
            let mut hits = Vec::new();
            for source in &sources {
                let wanted = Wanted { project, group: *source, before: page.before, limit, accept: &accept };
                let found = inner.open.index.newest(&wanted);
                hits.extend(found.into_iter().map(|entry| Hit { entry, segment: None }));
            }
            (view, sources, hits)
        };
        keep_newest(&mut hits, limit);
        let accept = |entry: &Entry| belongs(&view.marks, entry, group, page);
        for (newest, at) in by_newest(&view.sealed, project) {
            if hits.len() == limit && hits.last().is_none_or(|hit| hit.entry.key.at > newest) {
                break;
            }
            for source in &sources {
                let wanted = Wanted { project, group: *source, before: page.before, limit, accept: &accept };
                let found = view.sealed[at].newest(&wanted)?;
                hits.extend(found.into_iter().map(|entry| Hit { entry, segment: Some(at) }));
            }
            keep_newest(&mut hits, limit);
        }
        Ok((view, hits))
    }

    fn stored(&self, marks: &Marks, record: Record, body: Vec<u8>) -> StoredEvent {
        self.counters.read_events.add(1);
        let Record { number, mut key, user, .. } = record;
        key.group = marks.group(key.project, key.group, number);
        StoredEvent { number, key, user, body }
    }

    fn counted_damage(&self, error: DiskError) -> EventLogError {
        let error = EventLogError::from(error);
        if let EventLogError::Damaged(_) = error {
            self.counters.damaged_events.add(1);
        }
        error
    }
}

impl EventLog for EventStore {
    fn append(&self, events: &[EventBody<'_>]) -> Result<EventTicket, EventLogError> {
        let checked = check_lengths(events);
        let mut inner = self.inner.lock();
        if events.is_empty() {
            return Ok(EventTicket { first: inner.open.next, next: inner.open.next });
        }
        let appended = checked.and_then(|()| Ok(self.try_append(&mut inner, events)?));
        appended.inspect_err(|_| self.counters.failed_batches.add(1))
    }

    fn sync(&self) -> Result<(), EventLogError> {
        // A segment is synced before it is sealed, so the open one is all there is to it.
        let (file, path) = {
            let inner = self.inner.lock();
            (Arc::clone(&inner.open.file), inner.open.path.clone())
        };
        Ok(file.sync().doing("syncing", &path)?)
    }

    fn read(&self, project: u64, id: EventId) -> Result<Option<StoredEvent>, EventLogError> {
        let (view, open) = {
            let inner = self.inner.lock();
            (inner.view(), inner.open.index.find(project, id))
        };
        let mut found = open.map(|offset| (view.open.clone(), offset));
        for segment in view.sealed.iter().rev() {
            if found.is_some() {
                break;
            }
            found = segment.find(project, id)?.map(|offset| (segment.records(), offset));
        }
        let Some((records, offset)) = found else { return Ok(None) };
        let read = Reader::new(records).event(offset, |key| (key.project, key.id) == (project, id));
        let (record, body) = read.map_err(|error| self.counted_damage(error))?;
        if record.key.at < view.marks.floor(project) {
            return Ok(None);
        }
        Ok(Some(self.stored(&view.marks, record, body)))
    }

    /// What is damaged is left out, and counted.
    fn list(&self, project: u64, group: u64, page: EventPage) -> Result<Vec<StoredEvent>, EventLogError> {
        let (view, hits) = self.hits(project, group, page)?;
        let mut readers: HashMap<Option<usize>, Reader> = HashMap::new();
        let mut events = Vec::with_capacity(hits.len());
        for Hit { entry, segment } in hits {
            let records = || segment.map_or_else(|| view.open.clone(), |at| view.sealed[at].records());
            let reader = readers.entry(segment).or_insert_with(|| Reader::new(records()));
            match reader
                .event(entry.offset, |key| *key == entry.key)
                .map_err(|error| self.counted_damage(error))
            {
                Ok((record, body)) => events.push(self.stored(&view.marks, record, body)),
                Err(EventLogError::Damaged(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }

    fn contains(&self, project: u64, id: EventId) -> bool {
        let recent: Vec<Arc<Sealed>> = {
            let inner = self.inner.lock();
            if inner.open.index.find(project, id).is_some() {
                return true;
            }
            inner.sealed.values().rev().take(RECENT_SEGMENTS).cloned().collect()
        };
        // In doubt it is kept twice rather than not at all.
        recent.iter().any(|segment| matches!(segment.find(project, id), Ok(Some(_))))
    }

    fn replay(&self, from: u64, take: &mut dyn FnMut(StoredEvent) -> Replay) -> Result<(), EventLogError> {
        let view = self.view();
        let sealed = view.sealed.iter().filter(|segment| segment.index.next > from);
        let segments = sealed.map(|segment| segment.records()).chain([view.open.clone()]);
        for records in segments {
            let mut scan = Scan::new(records.clone(), HEADER_BYTES as u64);
            let mut reader = Reader::new(records.clone());
            while let Some((_, loaded)) = scan.step()? {
                if loaded.record.number < from {
                    continue;
                }
                let body = reader.body(&loaded).doing("reading an event of", &records.path);
                match body.map_err(|error| self.counted_damage(error)) {
                    Ok(body) => {
                        if take(self.stored(&view.marks, loaded.record, body)) == Replay::Enough {
                            return Ok(());
                        }
                    }
                    Err(EventLogError::Damaged(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            self.counters.damaged_events.add(scan.damaged);
        }
        Ok(())
    }

    fn move_group(&self, project: u64, from: u64, to: u64) -> Result<(), EventLogError> {
        let next = self.inner.lock().open.next;
        self.move_events(project, from, to, std::slice::from_ref(&(0..next)))
    }

    fn move_events(
        &self,
        project: u64,
        from: u64,
        to: u64,
        numbers: &[Range<u64>],
    ) -> Result<(), EventLogError> {
        if from == to || numbers.is_empty() {
            return Ok(());
        }
        let _upkeep = self.upkeep.lock();
        let (mut marks, oldest) = {
            let inner = self.inner.lock();
            (Marks::clone(&inner.marks), inner.oldest())
        };
        marks.forget_moves_before(oldest);
        numbers.iter().for_each(|numbers| marks.add_move(project, from, to, numbers.clone()));
        self.set_marks(marks)
    }

    fn room_for_moves(&self, project: u64) -> usize {
        let (marks, oldest) = {
            let inner = self.inner.lock();
            (Arc::clone(&inner.marks), inner.oldest())
        };
        marks.room(project, oldest)
    }

    fn expire(&self, project: u64, before: Timestamp) -> Result<u64, EventLogError> {
        self.expire_before(project, before)
    }

    fn events_where(&self, project: u64, is_wanted: IsWanted<'_>) -> Result<Vec<EventId>, EventLogError> {
        Ok(self.ids_where(project, is_wanted)?)
    }

    fn erase(&self, project: u64, ids: &[EventId]) -> Result<u64, EventLogError> {
        self.erase_events(project, &ids.iter().copied().collect())
    }

    fn held(&self, project: u64) -> HeldEvents {
        let inner = self.inner.lock();
        let open = &inner.open;
        let (mut events, mut oldest) = (0, None);
        for entry in open.index.of_project(project) {
            events += 1;
            oldest = earlier(oldest, entry.key.at);
        }
        let mut held =
            HeldEvents { events, bytes: share(open.length, events, open.index.len() as u64), oldest };
        for segment in inner.sealed.values() {
            let Some(span) = segment.index.span(project) else { continue };
            let events = u64::from(span.entries.end - span.entries.start);
            held.events += events;
            held.bytes += share(segment.bytes, events, segment.index.count.into());
            held.oldest = earlier(held.oldest, span.oldest);
        }
        held
    }

    fn stats(&self) -> EventLogStats {
        let inner = self.inner.lock();
        let sealed = || inner.sealed.values();
        let counters = &self.counters;
        EventLogStats {
            segments: inner.sealed.len() as u64 + 1,
            events: sealed().map(|segment| u64::from(segment.index.count)).sum::<u64>()
                + inner.open.index.len() as u64,
            disk_bytes: sealed().map(|segment| segment.bytes).sum::<u64>() + inner.open.length,
            next: inner.open.next,
            appended_events: counters.appended_events.get(),
            appended_bytes: counters.appended_bytes.get(),
            written_bytes: counters.written_bytes.get(),
            repeats: counters.repeats.get(),
            failed_batches: counters.failed_batches.get(),
            read_events: counters.read_events.get(),
            damaged_events: counters.damaged_events.get(),
            expired_events: counters.expired_events.get(),
            erased_events: counters.erased_events.get(),
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Timestamp) -> Option<Timestamp> {
    Some(one.map_or(other, |one| one.min(other)))
}

/// Of so many bytes, that `all` have together.
fn share(bytes: u64, events: u64, all: u64) -> u64 {
    let whole = u128::from(bytes) * u128::from(events);
    u64::try_from(whole / u128::from(all.max(1))).unwrap_or(u64::MAX)
}

fn check_lengths(events: &[EventBody<'_>]) -> Result<(), EventLogError> {
    let check = |what, bytes, limit| match bytes > limit {
        true => Err(EventLogError::TooLarge { what, bytes, limit }),
        false => Ok(()),
    };
    events.iter().try_for_each(|event| check("an event", event.body.len(), BODY_BYTES))?;
    check("a batch of events", events.iter().map(|event| event.body.len()).sum(), BATCH_BYTES)?;
    check("the list of a batch's events", events.len(), BATCH_EVENTS)
}

fn belongs(marks: &Marks, entry: &Entry, group: u64, page: EventPage) -> bool {
    let key = &entry.key;
    // A damaged index is out of order, and must not lead in circles.
    page.before.is_none_or(|before| (key.at, key.id) < before)
        && key.at >= marks.floor(key.project)
        && marks.group(key.project, key.group, entry.number) == group
}

fn keep_newest(hits: &mut Vec<Hit>, limit: usize) {
    let place = |hit: &Hit| (hit.entry.key.at, hit.entry.key.id);
    hits.sort_by_key(|hit| std::cmp::Reverse(place(hit)));
    // An event that came twice.
    hits.dedup_by_key(|hit| place(hit));
    hits.truncate(limit);
}

/// The segments that have events of the project, with the time of the newest, which comes first.
fn by_newest(sealed: &[Arc<Sealed>], project: u64) -> Vec<(Timestamp, usize)> {
    let of_project = |(at, segment): (usize, &Arc<Sealed>)| Some((segment.newest_of(project)?, at));
    let mut segments: Vec<_> = sealed.iter().enumerate().filter_map(of_project).collect();
    segments.sort_unstable_by(|a, b| b.cmp(a));
    segments
}
