//! Where each event of a segment stands: by group and time, and by id. In memory while the segment is open; sorted at its end,
//! and read from there, when it is sealed.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::{Bound, Range};

use disk::File;
use vocabulary::Timestamp;
use vocabulary::error::{EventId, EventKey};

use crate::error::damaged;
use crate::limits::INDEX_CHUNK;
use crate::record::{INDEX_MARK, u32_at, u64_at};

const MARK_BYTES: u64 = 8;
const ENTRY_BYTES: usize = 64;
const ID_BYTES: usize = 28;
const SPAN_BYTES: usize = 32;
/// How many ids begin with a byte up to this one, for each byte.
const FANOUT: usize = 256;
const FANOUT_BYTES: usize = FANOUT * 4;
pub const FOOTER_BYTES: usize = 40;
const MAGIC: [u8; 4] = *b"BWEX";
const HAS_USER: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: EventKey,
    pub number: u64,
    pub user: Option<u64>,
    pub offset: u32,
}

/// Which events of a group are asked for, newest first.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub project: u64,
    pub group: u64,
    pub before: Option<(Timestamp, EventId)>,
    pub limit: usize,
    pub accept: &'a dyn Fn(&Entry) -> bool,
}

/// One project's events within a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub project: u64,
    /// Places among the entries by group.
    pub entries: Range<u32>,
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

#[derive(Default)]
pub struct OpenIndex {
    by_group: BTreeMap<EventKey, Entry>,
    by_id: HashMap<(u64, EventId), u32>,
}

impl OpenIndex {
    /// Of an event that came twice, the first stays.
    pub fn insert(&mut self, entry: Entry) {
        self.by_group.entry(entry.key).or_insert(entry);
        self.by_id.entry((entry.key.project, entry.key.id)).or_insert(entry.offset);
    }

    pub fn len(&self) -> usize {
        self.by_group.len()
    }

    pub fn find(&self, project: u64, id: EventId) -> Option<u32> {
        self.by_id.get(&(project, id)).copied()
    }

    pub fn newest(&self, wanted: &Wanted<'_>) -> Vec<Entry> {
        let key = |at, id| EventKey { project: wanted.project, group: wanted.group, at, id };
        let first = key(Timestamp(i64::MIN), EventId::default());
        let before = wanted.before.map(|(at, id)| key(at, id));
        let upper = match before {
            Some(before) => Bound::Excluded(before),
            None => Bound::Included(key(Timestamp(i64::MAX), EventId([u8::MAX; 16]))),
        };
        let entries = self.by_group.range((Bound::Included(first), upper)).rev();
        entries.map(|(_, entry)| *entry).filter(|entry| (wanted.accept)(entry)).take(wanted.limit).collect()
    }

    pub fn of_project(&self, project: u64) -> impl Iterator<Item = &Entry> {
        let first = EventKey { project, group: 0, at: Timestamp(i64::MIN), id: EventId::default() };
        let entries = self.by_group.range(first..).map(|(_, entry)| entry);
        entries.take_while(move |entry| entry.key.project == project)
    }

    pub fn count(&self, test: impl Fn(&Entry) -> bool) -> u64 {
        self.by_group.values().filter(|entry| test(entry)).count() as u64
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (place, key) in (0..).zip(self.by_group.keys()) {
            match spans.last_mut() {
                Some(span) if span.project == key.project => {
                    span.entries.end = place + 1;
                    span.oldest = span.oldest.min(key.at);
                    span.newest = span.newest.max(key.at);
                }
                _ => spans.push(Span {
                    project: key.project,
                    entries: place..place + 1,
                    oldest: key.at,
                    newest: key.at,
                }),
            }
        }
        spans
    }

    /// What is written behind the records, which end at `end`; `next` is the number that comes after theirs.
    pub fn to_bytes(&self, end: u64, next: u64) -> Vec<u8> {
        let spans = self.spans();
        let mut out = Vec::with_capacity(self.len() * (ENTRY_BYTES + ID_BYTES) + FANOUT_BYTES + 4_096);
        out.extend_from_slice(&INDEX_MARK.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        self.by_group.values().for_each(|entry| write_entry(entry, &mut out));
        let fanout = self.write_ids(&mut out);
        let entries_crc = crc32c::crc32c(&out);
        let tables = out.len();
        for Span { project, entries, oldest, newest } in &spans {
            out.extend_from_slice(&project.to_le_bytes());
            out.extend_from_slice(&entries.start.to_le_bytes());
            out.extend_from_slice(&entries.end.to_le_bytes());
            out.extend_from_slice(&oldest.0.to_le_bytes());
            out.extend_from_slice(&newest.0.to_le_bytes());
        }
        fanout.iter().for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
        out.extend_from_slice(&end.to_le_bytes());
        out.extend_from_slice(&next.to_le_bytes());
        for number in [self.len() as u32, spans.len() as u32, entries_crc] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let tables_crc = crc32c::crc32c(&out[tables..]);
        out.extend_from_slice(&tables_crc.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&MAGIC);
        out
    }

    fn write_ids(&self, out: &mut Vec<u8>) -> [u32; FANOUT] {
        // As many as entries: an event that is there under two keys is listed under both.
        let mut ids: Vec<(EventId, u64, u32)> =
            self.by_group.values().map(|entry| (entry.key.id, entry.key.project, entry.offset)).collect();
        ids.sort_unstable();
        let mut fanout = [0; FANOUT];
        for (id, project, offset) in ids {
            out.extend_from_slice(&id.0);
            out.extend_from_slice(&project.to_le_bytes());
            out.extend_from_slice(&offset.to_le_bytes());
            fanout[usize::from(id.0[0])] += 1;
        }
        let mut below = 0;
        for count in &mut fanout {
            below += *count;
            *count = below;
        }
        fanout
    }
}

fn write_entry(entry: &Entry, out: &mut Vec<u8>) {
    let EventKey { project, group, at, id } = entry.key;
    for number in [project, group, at.0 as u64] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&id.0);
    out.extend_from_slice(&entry.number.to_le_bytes());
    out.extend_from_slice(&entry.user.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&entry.offset.to_le_bytes());
    let flags = if entry.user.is_some() { HAS_USER } else { 0 };
    out.extend_from_slice(&flags.to_le_bytes());
}

/// `bytes` has [`ENTRY_BYTES`].
fn read_entry(bytes: &[u8]) -> Entry {
    let id = EventId(bytes[24..40].try_into().expect("16 bytes"));
    let (project, group, at) = (u64_at(bytes, 0), u64_at(bytes, 8), Timestamp(u64_at(bytes, 16) as i64));
    Entry {
        key: EventKey { project, group, at, id },
        number: u64_at(bytes, 40),
        user: (u32_at(bytes, 60) & HAS_USER != 0).then(|| u64_at(bytes, 48)),
        offset: u32_at(bytes, 56),
    }
}

/// Of a sealed segment. Only its tables are in memory.
pub struct SealedIndex {
    /// Where the records end.
    pub end: u64,
    pub next: u64,
    pub count: u32,
    pub spans: Vec<Span>,
    fanout: Box<[u32; FANOUT]>,
    entries_crc: u32,
}

impl SealedIndex {
    /// `None` if the file does not end with an index that holds.
    pub fn read(file: &dyn File) -> io::Result<Option<SealedIndex>> {
        let length = file.length()?;
        let Some(footer_at) = length.checked_sub(FOOTER_BYTES as u64) else { return Ok(None) };
        let mut footer = [0; FOOTER_BYTES];
        file.read_at(&mut footer, footer_at)?;
        let (end, next) = (u64_at(&footer, 0), u64_at(&footer, 8));
        let [count, spans, entries_crc, tables_crc] = [16, 20, 24, 28].map(|at| u32_at(&footer, at));
        let entries = u64::from(count) * (ENTRY_BYTES + ID_BYTES) as u64;
        let tables = u64::from(spans) * SPAN_BYTES as u64 + FANOUT_BYTES as u64;
        let expected = end.checked_add(MARK_BYTES + entries + tables);
        if footer[36..] != MAGIC || expected != Some(footer_at) || spans > count {
            return Ok(None);
        }
        let mut bytes = vec![0; tables as usize];
        file.read_at(&mut bytes, footer_at - tables)?;
        if crc32c::crc32c_append(crc32c::crc32c(&bytes), &footer[..28]) != tables_crc {
            return Ok(None);
        }
        let (span_bytes, fanout_bytes) = bytes.split_at(bytes.len() - FANOUT_BYTES);
        let spans = span_bytes.chunks_exact(SPAN_BYTES).map(read_span).collect();
        let fanout = Box::new(std::array::from_fn(|at| u32_at(fanout_bytes, at * 4)));
        Ok(Some(SealedIndex { end, next, count, spans, fanout, entries_crc }))
    }

    /// Whether all of its entries are as they were written.
    pub fn holds(&self, file: &dyn File) -> io::Result<bool> {
        let mut bytes = vec![0; (self.ids_at() - self.end) as usize + self.count as usize * ID_BYTES];
        file.read_at(&mut bytes, self.end)?;
        Ok(crc32c::crc32c(&bytes) == self.entries_crc)
    }

    fn ids_at(&self) -> u64 {
        self.end + MARK_BYTES + u64::from(self.count) * ENTRY_BYTES as u64
    }

    pub fn span(&self, project: u64) -> Option<&Span> {
        let at = self.spans.binary_search_by_key(&project, |span| span.project).ok()?;
        Some(&self.spans[at])
    }

    pub fn find(&self, file: &dyn File, project: u64, id: EventId) -> io::Result<Option<u32>> {
        let byte = usize::from(id.0[0]);
        let from = if byte == 0 { 0 } else { self.fanout[byte - 1] };
        let until = self.fanout[byte].min(self.count);
        let count = until.saturating_sub(from);
        if count == 0 || self.span(project).is_none() {
            return Ok(None);
        }
        let mut bytes = vec![0; count as usize * ID_BYTES];
        file.read_at(&mut bytes, self.ids_at() + u64::from(from) * ID_BYTES as u64)?;
        let mut entries = bytes.chunks_exact(ID_BYTES);
        let found = entries.find(|entry| entry[..16] == id.0 && u64_at(entry, 16) == project);
        Ok(found.map(|entry| u32_at(entry, 24)))
    }

    pub fn entries(&self, file: &dyn File, range: Range<u32>) -> io::Result<Vec<Entry>> {
        if range.start > range.end || range.end > self.count {
            return Err(damaged("an index says that it has entries which it has not"));
        }
        let mut bytes = vec![0; range.len() * ENTRY_BYTES];
        file.read_at(&mut bytes, self.end + MARK_BYTES + u64::from(range.start) * ENTRY_BYTES as u64)?;
        Ok(bytes.chunks_exact(ENTRY_BYTES).map(read_entry).collect())
    }

    pub fn newest(&self, file: &dyn File, wanted: &Wanted<'_>) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        let Some(span) = self.span(wanted.project) else { return Ok(found) };
        let mut until = self.first_behind(file, span, wanted)?;
        while until > span.entries.start && found.len() < wanted.limit {
            let from = until.saturating_sub(INDEX_CHUNK).max(span.entries.start);
            for entry in self.entries(file, from..until)?.iter().rev() {
                if entry.key.group != wanted.group || found.len() == wanted.limit {
                    return Ok(found);
                }
                if (wanted.accept)(entry) {
                    found.push(*entry);
                }
            }
            until = from;
        }
        Ok(found)
    }

    /// The place behind the last entry that may be wanted.
    fn first_behind(&self, file: &dyn File, span: &Span, wanted: &Wanted<'_>) -> io::Result<u32> {
        let is_before = |key: &EventKey| match wanted.before {
            Some((at, id)) => (key.group, key.at, key.id) < (wanted.group, at, id),
            None => key.group <= wanted.group,
        };
        let (mut low, mut high) = (span.entries.start, span.entries.end);
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.entries(file, middle..middle + 1)?;
            if is_before(&entry[0].key) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}

/// `bytes` has [`SPAN_BYTES`].
fn read_span(bytes: &[u8]) -> Span {
    Span {
        project: u64_at(bytes, 0),
        entries: u32_at(bytes, 8)..u32_at(bytes, 12),
        oldest: Timestamp(u64_at(bytes, 16) as i64),
        newest: Timestamp(u64_at(bytes, 24) as i64),
    }
}
