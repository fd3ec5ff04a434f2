//! The thread that feeds the streams: each distinct target is evaluated once a tick, whoever watches it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::response::sse::Event;
use tokio::sync::mpsc;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use super::batches::Batch;
use super::hub::{Stream, Wanted};
use super::message;
use super::turns::{Used, in_turn};
use super::watch::{Row, Watched};
use crate::control::State;
use crate::evaluate::{Evaluated, TargetError, evaluate};
use crate::services::Services;

/// Most series of one target that are watched live, and of all targets of one stream.
const MAX_SERIES: usize = 2_000;
const MAX_SERIES_OF_STREAM: usize = 20_000;
/// In the place of the version that a stream was told, of a target that is too much for it.
const NOT_CARRIED: u64 = u64::MAX;
/// Of all that is watched, with what a name and its tags take: 256 MiB. Beyond it nothing is watched anew.
const MAX_SLOTS_WATCHED: usize = 32 << 20;
/// Of these one person or token may have so many watched.
const MAX_SLOTS_OF_ONE: usize = MAX_SLOTS_WATCHED / 4;
/// How much past a new target brings along when nothing was asked for, and at most.
const USUAL_PAST_SECONDS: i64 = 60;
const MAX_PAST_SECONDS: i64 = 3_600;
/// Points of the past that one stream is told at one tick, some 8 MB as text; of a target with more its newest.
const PAST_POINTS: usize = 400_000;
/// What looking at the past may take at one tick, of all streams: what is current does not wait for it. One target at least
/// is looked at.
const PAST_BUDGET: Duration = Duration::from_millis(500);
/// Ticks that wait for a reader who is told the past all the same.
const WAITING_BEFORE_PAST: usize = 2;
/// One evaluation may take this long.
const EVALUATION_TIMEOUT: Duration = Duration::from_millis(900);
/// All evaluations of one tick together; what does not fit waits for the next one.
const TICK_BUDGET: Duration = Duration::from_millis(900);
/// Of this what is left to targets that were looked at before, while there are new ones.
const KNOWN_BUDGET: Duration = Duration::from_millis(600);
/// Without ticks (the clock stands still) streams are still told that the server lives.
const LONGEST_SILENCE: Duration = Duration::from_millis(1_500);

/// Feeds the streams until `stop`, which it sees at the next tick, and closes them then. Blocks: it has a thread of its
/// own.
pub fn run(services: &Services, stop: &AtomicBool) {
    let mut feeder = Feeder {
        services,
        watched: HashMap::new(),
        next_id: 0,
        health: None,
        slots_watched: 0,
        slots_of: HashMap::new(),
        used: Used::default(),
        pasts: HashMap::new(),
        past_took: Duration::ZERO,
    };
    let mut last = Timestamp(i64::MIN);
    while !stop.load(Ordering::Relaxed) {
        let tick = services.live.next_tick(last, LONGEST_SILENCE);
        // The last tick of all comes with the stop, and brings nothing.
        if stop.load(Ordering::Relaxed) {
            break;
        }
        last = tick.unwrap_or(last);
        feeder.feed(tick.unwrap_or_else(|| services.clock.now()));
    }
    services.hub.streams.lock().clear();
}

struct Feeder<'s> {
    services: &'s Services,
    watched: HashMap<Key, Watched>,
    next_id: u64,
    health: Option<(State, Option<String>)>,
    /// What `watched` holds, and of this for whom.
    slots_watched: usize,
    slots_of: HashMap<String, usize>,
    used: Used,
    /// How long the past took that streams were told, and that of this tick.
    pasts: HashMap<String, Duration>,
    past_took: Duration,
}

/// Callers with the same scope see the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    prefixes: Vec<String>,
    target: String,
}

impl Key {
    fn new(scope: &Scope, target: &str) -> Key {
        Key { prefixes: scope.as_prefixes().to_vec(), target: target.to_owned() }
    }
}

/// For whom a target is evaluated: of those who watch it for who has used the least.
struct Asked {
    scope: Scope,
    who: String,
    most_slots: usize,
    /// It fits into a stream that wants it, as far as is known.
    is_carried: bool,
}

impl Asked {
    fn of(stream: &Stream, is_carried: bool) -> Asked {
        let most_slots = if stream.is_of_all { MAX_SLOTS_WATCHED } else { MAX_SLOTS_OF_ONE };
        Asked { scope: stream.scope.clone(), who: stream.who.clone(), most_slots, is_carried }
    }
}

impl Feeder<'_> {
    fn feed(&mut self, tick: Timestamp) {
        self.services.hub.end_expired(self.services.clock.now());
        let wanted = self.wanted();
        self.watched.retain(|key, _| wanted.contains_key(key));
        self.evaluate_all(wanted, tick);
        let health = self.changed_health();
        let now = self.services.clock.since_epoch().as_secs_f64();
        self.past_took = Duration::ZERO;
        for id in self.ids() {
            self.tell(&id, tick, now, health.as_ref());
        }
    }

    /// Those whose past took the least come first, so that nobody waits for one who asks for much.
    fn ids(&mut self) -> Vec<String> {
        let mut ids: Vec<String> = {
            let streams = self.services.hub.streams.lock();
            self.pasts.retain(|id, _| streams.contains_key(id));
            streams.keys().cloned().collect()
        };
        ids.sort_by_cached_key(|id| self.pasts.get(id).copied());
        ids
    }

    fn wanted(&self) -> HashMap<Key, Asked> {
        let streams = self.services.hub.streams.lock();
        let mut all: HashMap<Key, Asked> = HashMap::new();
        for stream in streams.values() {
            let mut series = 0;
            for target in &stream.targets {
                let key = Key::new(&stream.scope, &target.text);
                let more = self.watched.get(&key).map_or(0, Watched::len);
                let is_carried = series + more <= MAX_SERIES_OF_STREAM;
                series += if is_carried { more } else { 0 };
                match all.entry(key) {
                    Entry::Vacant(place) => {
                        place.insert(Asked::of(stream, is_carried));
                    }
                    Entry::Occupied(mut place) => {
                        let is_carried = place.get().is_carried || is_carried;
                        match self.used.of(&stream.who) < self.used.of(&place.get().who) {
                            true => drop(place.insert(Asked::of(stream, is_carried))),
                            false => place.get_mut().is_carried = is_carried,
                        }
                    }
                }
            }
        }
        all
    }

    /// In turn, and of each one's the cheap ones first, so that somebody's slow targets hold up nobody else's; of new ones,
    /// whose price is not known, one at least. What no stream carries stays as it was.
    fn evaluate_all(&mut self, wanted: HashMap<Key, Asked>, tick: Timestamp) {
        let begun = Instant::now();
        self.used.fade();
        self.count_slots(&wanted);
        self.watched.values_mut().for_each(|watched| watched.rows.clear());
        let carried = wanted.into_iter().filter(|(_, asked)| asked.is_carried);
        let (mut known, new): (Vec<_>, Vec<_>) = carried.partition(|(key, _)| self.watched.contains_key(key));
        known.retain(|(key, _)| self.watched.get(key).is_some_and(|watched| watched.is_due(begun)));
        known.sort_by_cached_key(|(key, _)| self.watched.get(key).map(|watched| watched.took));
        let of_known = if new.is_empty() { TICK_BUDGET } else { KNOWN_BUDGET };
        self.evaluate_in_turn(known, tick, |_| begun.elapsed() < of_known);
        self.evaluate_in_turn(new, tick, |index| index == 0 || begun.elapsed() < TICK_BUDGET);
    }

    fn count_slots(&mut self, wanted: &HashMap<Key, Asked>) {
        self.slots_of.clear();
        self.slots_watched = 0;
        for (key, watched) in &self.watched {
            self.slots_watched += watched.slots();
            if let Some(asked) = wanted.get(key) {
                *self.slots_of.entry(asked.who.clone()).or_default() += watched.slots();
            }
        }
    }

    fn evaluate_in_turn(&mut self, all: Vec<(Key, Asked)>, tick: Timestamp, may: impl Fn(usize) -> bool) {
        let mut by_who: HashMap<String, VecDeque<(Key, Asked)>> = HashMap::new();
        for (key, asked) in all {
            by_who.entry(asked.who.clone()).or_default().push_back((key, asked));
        }
        let (mut used, mut index) = (std::mem::take(&mut self.used), 0);
        in_turn(by_who, &mut used, |(key, asked)| {
            let goes_on = may(index);
            index += 1;
            goes_on.then(|| self.evaluate(key, &asked, tick))
        });
        self.used = used;
    }

    /// Returns how long it took.
    fn evaluate(&mut self, key: Key, asked: &Asked, tick: Timestamp) -> Duration {
        let started = Instant::now();
        let of_one = self.slots_of.entry(asked.who.clone()).or_default();
        let watched = self.watched.entry(key.clone()).or_default();
        let from = watched.window_start(tick);
        let before = watched.slots();
        let full = match before {
            0 if self.slots_watched > MAX_SLOTS_WATCHED => {
                Some("this server watches as much live as it has room for")
            }
            0 if *of_one > asked.most_slots => {
                Some("as much is watched live here as one person or token may watch")
            }
            _ => None,
        };
        let result = match full {
            Some(why) => Err(too_much(why)),
            None => look(self.services, &key.target, &asked.scope, from, tick),
        };
        let took = started.elapsed();
        watched.update(result, took, Instant::now(), &mut self.next_id);
        self.slots_watched = self.slots_watched + watched.slots() - before;
        *of_one = *of_one + watched.slots() - before;
        took
    }

    /// The server's state, if it is another than before. Looked at here because a page wants to know it
    /// as soon as its points.
    fn changed_health(&mut self) -> Option<Event> {
        if self.services.hub.streams.lock().is_empty() {
            self.health = None;
            return None;
        }
        let now = self.services.control.state();
        let changed = self.health.as_ref() != Some(&now);
        let event = changed.then(|| message::state(now.0, now.1.as_deref()));
        self.health = Some(now);
        event
    }

    fn tell(&mut self, id: &str, tick: Timestamp, now: f64, health: Option<&Event>) {
        let Some((scope, targets, events)) = self.stream(id) else { return };
        let reads_on = events.max_capacity() - events.capacity() <= WAITING_BEFORE_PAST;
        let mut saying = Saying { out: health.cloned().into_iter().collect(), ..Saying::default() };
        let told = targets.iter().enumerate();
        let told: Vec<Option<u64>> = told
            .map(|(place, wanted)| self.say(&mut saying, place, wanted, &scope, tick, reads_on))
            .collect();
        let Saying { mut out, mut rows, past, .. } = saying;
        rows.extend(&past.rows);
        // A series of two targets has an id in each, so no row is there twice.
        out.push(message::points(tick.0, now, &rows));
        let fits = events.try_send(out).is_ok();
        self.settle(id, &targets, told, fits);
        self.past_took += past.took;
        if past.took > Duration::ZERO {
            *self.pasts.entry(id.to_owned()).or_default() += past.took;
        }
    }

    /// What there is of one target. Returns how far the stream is told of it then.
    fn say<'w>(
        &'w self,
        saying: &mut Saying<'w>,
        place: usize,
        wanted: &'w Wanted,
        scope: &Scope,
        tick: Timestamp,
        reads_on: bool,
    ) -> Option<u64> {
        let watched = self.watched.get(&Key::new(scope, &wanted.text))?;
        let text = wanted.text.as_str();
        if saying.series + watched.len() > MAX_SERIES_OF_STREAM {
            // The other targets are not held up by what is too much.
            if wanted.told != Some(NOT_CARRIED) {
                let why = format!("a stream carries {MAX_SERIES_OF_STREAM} series at most");
                saying.out.push(message::series(place, text, &[], Some(&too_much(&why))));
            }
            return Some(NOT_CARRIED);
        }
        saying.series += watched.len();
        let is_new = wanted.told.is_none_or(|told| told == NOT_CARRIED);
        if is_new && !(reads_on && self.has_room_for(&saying.past)) {
            return None;
        }
        if wanted.told != Some(watched.version) {
            saying.out.push(message::series(place, text, &watched.heads(), watched.error.as_ref()));
        }
        // The same target at two places has the same series, with the same numbers.
        match saying.seen.insert(text) {
            true if is_new => saying.past.add(self.past(watched, wanted, scope, tick)),
            true => saying.rows.extend(&watched.rows),
            false => {}
        }
        Some(watched.version)
    }

    /// For the past of one more target; what has none waits for the next tick.
    fn has_room_for(&self, past: &Past) -> bool {
        past.points < PAST_POINTS && self.past_took + past.took < PAST_BUDGET
    }

    fn stream(&self, id: &str) -> Option<(Scope, Vec<Wanted>, mpsc::Sender<Batch>)> {
        let streams = self.services.hub.streams.lock();
        let stream = streams.get(id)?;
        Some((stream.scope.clone(), stream.targets.clone(), stream.events.clone()))
    }

    /// What a target that is new to a stream brings along of the past, and how long it took.
    fn past(
        &self,
        watched: &Watched,
        wanted: &Wanted,
        scope: &Scope,
        tick: Timestamp,
    ) -> (Vec<Row>, Duration) {
        let started = Instant::now();
        let usual = tick.minus(USUAL_PAST_SECONDS);
        let from =
            wanted.from.unwrap_or(usual).max(tick.minus(MAX_PAST_SECONDS)).min(watched.window_start(tick));
        let series = look(self.services, &wanted.text, scope, from, tick).unwrap_or_default();
        let most = PAST_POINTS / series.len().max(1);
        let row = |Evaluated { name, start, step, mut values, .. }: Evaluated| {
            let left_out = values.len().saturating_sub(most);
            values.drain(..left_out);
            Some(Row { id: watched.id_of(&name)?, start: start + left_out as i64 * step, values })
        };
        (series.into_iter().filter_map(row).collect(), started.elapsed())
    }

    /// Note how far the stream was told, unless its targets changed meanwhile; close it if it is too slow.
    fn settle(&self, id: &str, targets: &[Wanted], told: Vec<Option<u64>>, fits: bool) {
        let mut streams = self.services.hub.streams.lock();
        if !fits {
            streams.remove(id);
            self.services.counters.streams_lagging.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Some(stream) = streams.get_mut(id) else { return };
        for (place, version) in told.into_iter().enumerate() {
            if let Some(wanted) = stream.targets.get_mut(place)
                && wanted.text == targets[place].text
            {
                wanted.told = version;
            }
        }
    }
}

fn look(
    services: &Services,
    target: &str,
    scope: &Scope,
    from: Timestamp,
    tick: Timestamp,
) -> Result<Vec<Evaluated>, TargetError> {
    let http = &services.settings.load().http;
    let limits = QueryLimits {
        max_series: MAX_SERIES.min(http.max_query_series),
        max_points: http.max_query_points,
        max_bytes: http.max_query_bytes,
        deadline: Some(Instant::now() + EVALUATION_TIMEOUT),
        cancelled: Arc::default(),
    };
    evaluate(services, target, scope, from, tick, tick, &limits)
}

/// What one stream is told at one tick.
#[derive(Default)]
struct Saying<'w> {
    out: Vec<Event>,
    /// Of targets that it had before.
    rows: Vec<&'w Row>,
    past: Past,
    /// Of all of its targets.
    series: usize,
    seen: HashSet<&'w str>,
}

/// Of targets that are new to it.
#[derive(Default)]
struct Past {
    rows: Vec<Row>,
    points: usize,
    took: Duration,
}

impl Past {
    fn add(&mut self, (rows, took): (Vec<Row>, Duration)) {
        self.points += rows.iter().map(|row| row.values.len()).sum::<usize>();
        self.took += took;
        self.rows.extend(rows);
    }
}

fn too_much(why: &str) -> TargetError {
    let hint = "watch fewer targets, or targets of fewer series".to_owned();
    TargetError { message: why.to_owned(), start: None, end: None, hint: Some(hint) }
}
