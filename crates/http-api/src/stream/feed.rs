//! The thread that feeds the streams: each distinct target is evaluated once a tick, whoever watches it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::response::sse::Event;
use tokio::sync::mpsc;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use super::batches::Batch;
use super::hub::Wanted;
use super::message;
use super::watch::{Row, Watched};
use crate::control::State;
use crate::evaluate::{Evaluated, TargetError, evaluate};
use crate::services::Services;

/// Most series of one target that are watched live, and of all targets of one stream.
const MAX_SERIES: usize = 2_000;
const MAX_SERIES_OF_STREAM: usize = 20_000;
/// Of all that is watched, with what a name and its tags take: 256 MiB. Beyond it nothing is watched anew.
const MAX_SLOTS_WATCHED: usize = 32 << 20;
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
    /// What `watched` holds.
    slots_watched: usize,
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

    fn wanted(&self) -> HashMap<Key, Scope> {
        let streams = self.services.hub.streams.lock();
        let pairs = streams
            .values()
            .flat_map(|stream| stream.targets.iter().map(|wanted| (&stream.scope, &wanted.text)));
        pairs.map(|(scope, text)| (Key::new(scope, text), scope.clone())).collect()
    }

    /// Cheap ones first, so that somebody's slow targets hold up nobody else's; of new ones, whose price is not
    /// known, one at least.
    fn evaluate_all(&mut self, wanted: HashMap<Key, Scope>, tick: Timestamp) {
        let begun = Instant::now();
        self.slots_watched = self.watched.values().map(Watched::slots).sum();
        self.watched.values_mut().for_each(|watched| watched.rows.clear());
        let (mut known, new): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(key, _)| self.watched.contains_key(key));
        known.sort_by_cached_key(|(key, _)| self.watched.get(key).map(|watched| watched.took));
        for (key, scope) in known {
            if begun.elapsed() < TICK_BUDGET {
                self.evaluate(key, &scope, tick);
            }
        }
        for (index, (key, scope)) in new.into_iter().enumerate() {
            if index == 0 || begun.elapsed() < TICK_BUDGET {
                self.evaluate(key, &scope, tick);
            }
        }
    }

    fn evaluate(&mut self, key: Key, scope: &Scope, tick: Timestamp) {
        let started = Instant::now();
        let watched = self.watched.entry(key.clone()).or_default();
        if !watched.is_due(started) {
            return;
        }
        let from = watched.window_start(tick);
        let before = watched.slots();
        let result = match before == 0 && self.slots_watched > MAX_SLOTS_WATCHED {
            true => Err(too_much("this server watches as much live as it has room for")),
            false => look(self.services, &key.target, scope, from, tick),
        };
        watched.update(result, started.elapsed(), Instant::now(), &mut self.next_id);
        self.slots_watched = self.slots_watched + watched.slots() - before;
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
        let why = format!("a stream carries {MAX_SERIES_OF_STREAM} series at most");
        let mut told = Vec::with_capacity(targets.len());
        let mut out: Vec<Event> = health.cloned().into_iter().collect();
        let mut past = Past::default();
        let mut rows: Vec<&Row> = Vec::new();
        let mut series = 0;
        let mut seen = HashSet::new();
        for (place, wanted) in targets.iter().enumerate() {
            let Some(watched) = self.watched.get(&Key::new(&scope, &wanted.text)) else {
                told.push(None);
                continue;
            };
            let is_new = wanted.told.is_none();
            series += watched.len();
            if series > MAX_SERIES_OF_STREAM {
                // Its other targets are not held up by what is too much.
                series -= watched.len();
                told.push(Some(watched.version));
                if wanted.told != Some(watched.version) {
                    out.push(message::series(place, &wanted.text, &[], Some(&too_much(&why))));
                }
                continue;
            }
            if is_new && !(reads_on && self.has_room_for(&past)) {
                told.push(None);
                continue;
            }
            told.push(Some(watched.version));
            if wanted.told != Some(watched.version) {
                out.push(message::series(place, &wanted.text, &watched.heads(), watched.error.as_ref()));
            }
            // The same target at two places has the same series, with the same numbers.
            match seen.insert(&wanted.text) {
                true if is_new => past.add(self.past(watched, wanted, &scope, tick)),
                true => rows.extend(&watched.rows),
                false => {}
            }
        }
        self.past_took += past.took;
        if past.took > Duration::ZERO {
            *self.pasts.entry(id.to_owned()).or_default() += past.took;
        }
        rows.extend(&past.rows);
        // A series of two targets has an id in each, so no row is there twice.
        out.push(message::points(tick.0, now, &rows));
        let fits = events.try_send(out).is_ok();
        self.settle(id, &targets, told, fits);
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

/// What is new to one stream at one tick.
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
