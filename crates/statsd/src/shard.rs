//! What one receiver has gathered since the last flush.
//!
//! A name is looked up by its bytes as sent, so that a name which is known costs no cleaning and no memory:
//! first the name that followed the last one the time before is compared, since most clients send theirs in
//! the same order, then a hash table is asked. Everything here is a cache of the [`crate::ledger`]: a flush
//! moves the sums there, after which all of it may be forgotten.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};
use parking_lot::Mutex;
use vocabulary::Timestamp;
use vocabulary::sample::{BadSample, Event, Reading, Sample, SampleSink, ServiceCheck};

use crate::gauges::{Gauge, GaugeTable};
use crate::held::HeldNames;
use crate::keys::KeyRules;
use crate::limits;
use crate::sets::Members;
use crate::stats::{BadLine, Stats};
use crate::timers::Timer;

/// The four kinds of values; each has its own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    Counter,
    Timer,
    Gauge,
    Set,
}

/// What a receiver must know of the configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    pub keys: KeyRules,
    pub flush_milliseconds: i64,
    pub gauges_max_ttl: u32,
    pub max_names: usize,
    pub counts_keys: bool,
}

/// What receivers share.
#[derive(Debug)]
pub struct Shared {
    pub gauges: Mutex<GaugeTable>,
    pub names: Arc<HeldNames>,
    /// Members of sets are known by their hash, which must be the same for all receivers.
    pub member_hashes: foldhash::quality::RandomState,
}

impl Default for Shared {
    fn default() -> Self {
        let names = Arc::new(HeldNames::default());
        let gauges = Mutex::new(GaugeTable::new(Arc::clone(&names)));
        Shared { gauges, names, member_hashes: Default::default() }
    }
}

const NONE: u32 = u32::MAX;

/// A name as sent, its class, and the sum of a counter.
#[derive(Debug)]
struct Entry {
    text_start: u32,
    name_length: u16,
    tags_length: u16,
    class: Class,
    touched: bool,
    /// Which entry came after this one last time.
    next: u32,
    /// Position in the ledger, once it is known there.
    ledger: u32,
    /// Position among this shard's timers, gauges or sets.
    slot: u32,
    /// Readings since the last flush.
    readings: u32,
    sum: f64,
}

/// A counter or gauge at a moment of its own, outside of the current interval.
#[derive(Debug)]
pub struct Dated {
    pub class: Class,
    pub key: String,
    pub time: Timestamp,
    pub value: f64,
}

#[derive(Debug)]
pub struct ShardState {
    rules: Rules,
    shared: Arc<Shared>,
    now: Timestamp,
    hashes: RandomState,
    text: Vec<u8>,
    entries: Vec<Entry>,
    index: HashTable<u32>,
    /// The entry of the last reading, whose successor is foreseen.
    last: u32,
    /// The entry of the last reading of this line, if there was one: all of a line have one name.
    in_line: u32,
    touched: Vec<u32>,
    /// Keys of entries that the ledger does not know yet.
    keys: Vec<(u32, String)>,
    timers: Vec<Timer>,
    timer_room: usize,
    gauges: Vec<Arc<Gauge>>,
    sets: Vec<Members>,
    pub dated: Vec<Dated>,
    pub events: Vec<(Timestamp, Event)>,
    pub service_checks: Vec<(Timestamp, ServiceCheck)>,
    pub key_counts: HashMap<String, u64, RandomState>,
    pub stats: Stats,
    pub bad_lines: Vec<BadLine>,
    /// When the last packet came.
    pub last_packet: Option<Timestamp>,
}

/// Takes over what a shard has gathered.
pub trait Collector {
    /// The position of `key` in the ledger; `None` if it is new and there is no room.
    fn position(&mut self, class: Class, key: &str) -> Option<u32>;
    fn counter(&mut self, position: u32, sum: f64);
    fn timer(&mut self, position: u32, timer: &mut Timer);
    fn set(&mut self, position: u32, members: &mut Members);
}

impl ShardState {
    pub fn new(rules: Rules, shared: Arc<Shared>) -> ShardState {
        ShardState {
            rules,
            shared,
            now: Timestamp(0),
            hashes: RandomState::default(),
            text: Vec::new(),
            entries: Vec::new(),
            index: HashTable::new(),
            last: NONE,
            in_line: NONE,
            touched: Vec::new(),
            keys: Vec::new(),
            timers: Vec::new(),
            timer_room: limits::ALL_TIMER_VALUES,
            gauges: Vec::new(),
            sets: Vec::new(),
            dated: Vec::new(),
            events: Vec::new(),
            service_checks: Vec::new(),
            key_counts: HashMap::default(),
            stats: Stats::default(),
            bad_lines: Vec::new(),
            last_packet: None,
        }
    }

    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Give everything gathered to `collector` and begin anew. Names stay known unless there are too many.
    pub fn drain(&mut self, collector: &mut dyn Collector) {
        let mut unknown = false;
        // Many come at the start and few later: their memory is given back.
        for (entry, key) in std::mem::take(&mut self.keys) {
            let entry = &mut self.entries[entry as usize];
            match collector.position(entry.class, &key) {
                Some(position) => entry.ledger = position,
                None => unknown = true,
            }
        }
        for at in self.touched.drain(..) {
            let entry = &mut self.entries[at as usize];
            let readings = u64::from(std::mem::take(&mut entry.readings));
            let sum = std::mem::take(&mut entry.sum);
            entry.touched = false;
            let known = entry.ledger != NONE;
            match entry.class {
                Class::Counter if known => collector.counter(entry.ledger, sum),
                Class::Timer if known => collector.timer(entry.ledger, &mut self.timers[entry.slot as usize]),
                Class::Timer => self.timers[entry.slot as usize].clear(),
                Class::Set if known => collector.set(entry.ledger, &mut self.sets[entry.slot as usize]),
                Class::Set => self.sets[entry.slot as usize].clear(),
                Class::Counter | Class::Gauge => {}
            }
            match known || entry.class == Class::Gauge {
                true => self.stats.accepted += readings,
                false => self.stats.refused_names += readings,
            }
        }
        if unknown {
            self.forget_unknown();
        }
        if self.entries.len() >= self.most_entries() {
            self.forget();
        }
    }

    /// The interval ends: its values go, which makes room for those of the next.
    pub fn begin_interval(&mut self) {
        self.timer_room = limits::ALL_TIMER_VALUES;
    }

    /// Several spellings may mean one key, and names that will be refused need room until they are.
    fn most_entries(&self) -> usize {
        self.rules.max_names.saturating_mul(2)
    }

    /// Forget the names that the ledger refused, so that they cannot crowd out those it holds.
    fn forget_unknown(&mut self) {
        let known = |entry: &Entry| entry.ledger != NONE || entry.class == Class::Gauge;
        let (text, entries) = (std::mem::take(&mut self.text), std::mem::take(&mut self.entries));
        let (mut timers, mut sets) = (std::mem::take(&mut self.timers), std::mem::take(&mut self.sets));
        self.index = HashTable::new();
        self.last = NONE;
        self.in_line = NONE;
        for mut entry in entries.into_iter().filter(known) {
            match entry.class {
                Class::Timer => {
                    entry.slot = pushed(&mut self.timers, std::mem::take(&mut timers[entry.slot as usize]))
                }
                Class::Set => {
                    entry.slot = pushed(&mut self.sets, std::mem::take(&mut sets[entry.slot as usize]))
                }
                Class::Counter | Class::Gauge => {}
            }
            let start = entry.text_start as usize;
            let end = start + usize::from(entry.name_length) + usize::from(entry.tags_length);
            entry.text_start = self.text.len() as u32;
            entry.next = NONE;
            self.text.extend_from_slice(&text[start..end]);
            let hash = rehash(&entry, &self.text, &self.hashes);
            self.insert(hash, entry);
        }
    }

    /// Forget all names. Only right after [`ShardState::drain`], when nothing hangs on them.
    pub fn forget(&mut self) {
        debug_assert!(self.touched.is_empty() && self.keys.is_empty(), "sums hang on the names");
        self.text = Vec::new();
        self.entries = Vec::new();
        self.index = HashTable::new();
        self.timers = Vec::new();
        self.gauges = Vec::new();
        self.sets = Vec::new();
        self.last = NONE;
        self.in_line = NONE;
    }

    /// Take new rules; names known under the old ones may be other keys now.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.forget();
    }

    #[inline]
    fn take(&mut self, sample: &Sample<'_>) {
        let class = class_of(sample.reading);
        if sample.time.is_some() && self.takes_apart(class, sample) {
            return;
        }
        let Some(at) = self.find(class, sample) else { return };
        let entry = &mut self.entries[at as usize];
        if !entry.touched {
            entry.touched = true;
            self.touched.push(at);
        }
        entry.readings = entry.readings.saturating_add(1);
        match sample.reading {
            Reading::Counter(value) => entry.sum += value * sample.weight,
            Reading::Timer(value) | Reading::Histogram(value) | Reading::Distribution(value) => {
                let timer = &mut self.timers[entry.slot as usize];
                if !timer.push(value, sample.weight, &mut self.timer_room) {
                    self.stats.sketched_values += 1;
                }
            }
            Reading::Gauge(_) | Reading::GaugeChange(_) => self.set_gauge(at, sample),
            Reading::Member(member) => {
                let hash = member_hash(&self.shared.member_hashes, member);
                if !self.sets[entry.slot as usize].insert(hash) {
                    self.stats.refused_members += 1;
                    entry.readings -= 1;
                }
            }
        }
    }

    /// The entry of a sample, made if it is new. `None` if the name is refused, which is counted.
    #[inline]
    fn find(&mut self, class: Class, sample: &Sample<'_>) -> Option<u32> {
        if self.entries.get(self.in_line as usize).is_some_and(|entry| entry.class == class) {
            return Some(self.in_line);
        }
        let foreseen = self.entries.get(self.last as usize).map_or(NONE, |last| last.next);
        if self.entries.get(foreseen as usize).is_some_and(|entry| self.is(entry, class, sample)) {
            self.last = foreseen;
            self.in_line = foreseen;
            return Some(foreseen);
        }
        let hash = hash_parts(&self.hashes, class, sample.name, sample.tags);
        let known = self.index.find(hash, |at| self.is(&self.entries[*at as usize], class, sample)).copied();
        let found = match known {
            Some(at) => at,
            None => self.learn(hash, class, sample)?,
        };
        if let Some(last) = self.entries.get_mut(self.last as usize) {
            last.next = found;
        }
        self.last = found;
        self.in_line = found;
        Some(found)
    }

    #[inline]
    fn is(&self, entry: &Entry, class: Class, sample: &Sample<'_>) -> bool {
        let name_start = entry.text_start as usize;
        let tags_start = name_start + usize::from(entry.name_length);
        let tags_end = tags_start + usize::from(entry.tags_length);
        entry.class == class
            && self.text[name_start..tags_start] == *sample.name
            && self.text[tags_start..tags_end] == *sample.tags
    }

    #[cold]
    fn learn(&mut self, hash: u64, class: Class, sample: &Sample<'_>) -> Option<u32> {
        let Ok(key) = self.rules.keys.key(sample.name, sample.tags) else {
            self.stats.refused_long_names += 1;
            return None;
        };
        let text_full = self.text.len() > limits::NAME_TEXT;
        if self.entries.len() >= self.most_entries() || text_full {
            self.stats.refused_names += 1;
            return None;
        }
        let at = self.entries.len() as u32;
        let slot = match class {
            Class::Counter => NONE,
            Class::Timer => pushed(&mut self.timers, Timer::default()),
            Class::Set => pushed(&mut self.sets, Members::default()),
            Class::Gauge => {
                let gauge = self.gauge(&key)?;
                pushed(&mut self.gauges, gauge)
            }
        };
        if class != Class::Gauge {
            self.keys.push((at, key));
        }
        let text_start = self.text.len() as u32;
        self.text.extend_from_slice(sample.name);
        self.text.extend_from_slice(sample.tags);
        // A key is checked to be short before it is made, so that these lengths fit.
        let (name_length, tags_length) = (sample.name.len() as u16, sample.tags.len() as u16);
        let entry = Entry {
            text_start,
            name_length,
            tags_length,
            class,
            touched: false,
            next: NONE,
            ledger: NONE,
            slot,
            readings: 0,
            sum: 0.0,
        };
        self.insert(hash, entry);
        Some(at)
    }

    fn insert(&mut self, hash: u64, entry: Entry) {
        let at = pushed(&mut self.entries, entry);
        let (entries, text, hashes) = (&self.entries, &self.text, &self.hashes);
        self.index.insert_unique(hash, at, |at| rehash(&entries[*at as usize], text, hashes));
    }

    /// The gauge called `key`; `None`, counted, if there is no room for another name.
    fn gauge(&mut self, key: &str) -> Option<Arc<Gauge>> {
        let gauge = self.shared.gauges.lock().find_or_add(key, self.rules.max_names);
        if gauge.is_none() {
            self.stats.refused_names += 1;
        }
        gauge
    }

    fn set_gauge(&mut self, at: u32, sample: &Sample<'_>) {
        let slot = self.entries[at as usize].slot as usize;
        let ttl = self.rules.gauges_max_ttl;
        let set = |gauge: &Gauge| match sample.reading {
            Reading::GaugeChange(by) => gauge.change(by, ttl),
            Reading::Gauge(value) => gauge.set(value, ttl),
            _ => true,
        };
        while !set(&self.gauges[slot]) {
            // It was deleted meanwhile: this reading makes it anew.
            let key = self.rules.keys.key(sample.name, sample.tags);
            match key.ok().and_then(|key| self.gauge(&key)) {
                Some(gauge) => self.gauges[slot] = gauge,
                None => {
                    self.entries[at as usize].readings -= 1;
                    return;
                }
            }
        }
    }

    /// Counters and gauges with a timestamp outside of the current interval are summed apart.
    #[cold]
    fn takes_apart(&mut self, class: Class, sample: &Sample<'_>) -> bool {
        let Some(time) = sample.time else { return false };
        let value = match sample.reading {
            Reading::Counter(value) => value * sample.weight,
            Reading::Gauge(value) | Reading::GaugeChange(value) => value,
            _ => {
                self.stats.ignored_timestamps += 1;
                return false;
            }
        };
        let interval =
            |time: Timestamp| time.0.saturating_mul(1000).div_euclid(self.rules.flush_milliseconds);
        if interval(time) == interval(self.now) {
            return false;
        }
        let Ok(key) = self.rules.keys.key(sample.name, sample.tags) else {
            self.stats.refused_long_names += 1;
            return true;
        };
        if self.dated.len() >= limits::DATED_READINGS {
            self.stats.refused_dated += 1;
            return true;
        }
        self.dated.push(Dated { class, key, time, value });
        true
    }

    #[cold]
    fn count_key(&mut self, name: &[u8], tags: &[u8]) {
        let Ok(key) = self.rules.keys.key(name, tags) else { return };
        let room = self.key_counts.len() < limits::KEY_FLUSH_NAMES;
        if room || self.key_counts.contains_key(&key) {
            *self.key_counts.entry(key).or_default() += 1;
        }
    }
}

impl SampleSink for ShardState {
    #[inline]
    fn packet(&mut self) {
        self.stats.packets += 1;
        self.last_packet = Some(self.now);
    }

    #[inline]
    fn line(&mut self, name: &[u8], tags: &[u8]) {
        self.stats.lines += 1;
        self.in_line = NONE;
        if self.rules.counts_keys {
            self.count_key(name, tags);
        }
    }

    #[inline]
    fn sample(&mut self, sample: &Sample<'_>) {
        self.take(sample);
    }

    #[cold]
    fn bad(&mut self, line: &[u8], why: BadSample) {
        self.stats.bad[why as usize] += 1;
        if self.bad_lines.len() >= limits::BAD_LINES_SHOWN {
            self.bad_lines.remove(0);
        }
        let shown = &line[..line.len().min(limits::BAD_LINE_SHOWN_BYTES)];
        self.bad_lines.push(BadLine { text: String::from_utf8_lossy(shown).into_owned(), why });
    }

    #[cold]
    fn event(&mut self, event: Event) {
        self.stats.lines += 1;
        self.stats.events += 1;
        match self.events.len() < limits::NOTICES {
            true => self.events.push((self.now, event)),
            false => self.stats.dropped_events += 1,
        }
    }

    #[cold]
    fn service_check(&mut self, check: ServiceCheck) {
        self.stats.lines += 1;
        self.stats.service_checks += 1;
        match self.service_checks.len() < limits::NOTICES {
            true => self.service_checks.push((self.now, check)),
            false => self.stats.dropped_service_checks += 1,
        }
    }
}

fn class_of(reading: Reading<'_>) -> Class {
    match reading {
        Reading::Counter(_) => Class::Counter,
        Reading::Timer(_) | Reading::Histogram(_) | Reading::Distribution(_) => Class::Timer,
        Reading::Gauge(_) | Reading::GaugeChange(_) => Class::Gauge,
        Reading::Member(_) => Class::Set,
    }
}

/// The hash that stands for a member. Members are text: bytes that are not UTF-8 are alike, as they are to
/// the original.
fn member_hash(hashes: &foldhash::quality::RandomState, member: &[u8]) -> u64 {
    hashes.hash_one(&*String::from_utf8_lossy(member))
}

#[inline]
fn hash_parts(hashes: &RandomState, class: Class, name: &[u8], tags: &[u8]) -> u64 {
    let mut hasher = hashes.build_hasher();
    hasher.write(name);
    // Where the name ends is part of it.
    hasher.write_u32(name.len() as u32 * 4 + class as u32);
    if !tags.is_empty() {
        hasher.write(tags);
    }
    hasher.finish()
}

fn rehash(entry: &Entry, text: &[u8], hashes: &RandomState) -> u64 {
    let name_start = entry.text_start as usize;
    let tags_start = name_start + usize::from(entry.name_length);
    let tags_end = tags_start + usize::from(entry.tags_length);
    hash_parts(hashes, entry.class, &text[name_start..tags_start], &text[tags_start..tags_end])
}

fn pushed<T>(rows: &mut Vec<T>, row: T) -> u32 {
    rows.push(row);
    rows.len() as u32 - 1
}
