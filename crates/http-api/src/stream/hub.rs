//! All open streams, and the thread that feeds them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::response::sse::Event;
use incidents::Seen;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};
use vocabulary::state::StateChange;

use super::batches::{Batch, Batches};
use super::message;
use super::watch::{Row, Watched};
use crate::accounts::{self, Caller};
use crate::answer::{Answer, Problem};
use crate::api_v1::errors;
use crate::control::State;
use crate::evaluate::{Evaluated, TargetError, evaluate};
use crate::services::Services;

pub const MAX_STREAMS: usize = 1_000;
pub const MAX_TARGETS: usize = 500;
pub const MAX_TARGET_LENGTH: usize = 16_384;
/// Most series of one target that are watched live.
pub const MAX_SERIES: usize = 2_000;
/// Ticks that wait for a slow reader before its stream is closed.
const QUEUE: usize = 32;
/// Changes of state in one message.
const MAX_CHANGES: usize = 500;
/// How much past a new target brings along when nothing was asked for, and at most.
const USUAL_PAST_SECONDS: i64 = 60;
const MAX_PAST_SECONDS: i64 = 3_600;
/// One evaluation may take this long.
const EVALUATION_TIMEOUT: Duration = Duration::from_millis(900);
/// All evaluations of one tick together; what does not fit waits for the next one.
const TICK_BUDGET: Duration = Duration::from_millis(900);
/// Without ticks (the clock stands still) streams are still told that the server lives.
const LONGEST_SILENCE: Duration = Duration::from_millis(1_500);

#[derive(Default)]
pub struct Hub {
    streams: Mutex<HashMap<String, Stream>>,
    /// How often streams were ended since who may see what had changed.
    changes: AtomicU64,
}

/// When a request was looked at: a stream that it opens later is not fed by what its caller was allowed before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedAt(u64);

struct Stream {
    /// The person or token that opened it.
    who: String,
    scope: Scope,
    /// When what it was opened with holds no more.
    until: Option<Timestamp>,
    events: mpsc::Sender<Batch>,
    targets: Vec<Wanted>,
}

/// Why a stream is ended while the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The session or token that it was opened with is none any more.
    Expired,
    /// Who may see what is another thing than when it was opened.
    Changed,
}

impl Stream {
    /// Its reader is told why, if there is room for that; dropping it is what ends it.
    fn say(&self, why: End) {
        // A reader who is too slow for one more event learns it from the answer to the next request.
        let _ = self.events.try_send(vec![message::end(why)]);
    }
}

/// A target of one stream, and how far the stream has been told about it.
#[derive(Clone)]
struct Wanted {
    text: String,
    from: Option<Timestamp>,
    /// The version of the set of series that was told last; `None`: nothing yet.
    told: Option<u64>,
}

impl Hub {
    /// To be taken before it is looked at who asks.
    pub fn now(&self) -> LookedAt {
        LookedAt(self.changes.load(Ordering::Acquire))
    }

    pub fn open(
        &self,
        looked_at: LookedAt,
        caller: Caller,
        targets: Vec<String>,
        from: Option<Timestamp>,
    ) -> Answer<(String, Batches)> {
        check(&targets)?;
        let id = accounts::random_secret().map_err(Problem::internal)?;
        let (events, receiver) = mpsc::channel(QUEUE);
        let mut streams = self.streams.lock();
        if streams.len() >= MAX_STREAMS {
            return Err(Problem::new(
                axum::http::StatusCode::SERVICE_UNAVAILABLE,
                format!("{MAX_STREAMS} streams are open already"),
            ));
        }
        let targets = targets.into_iter().map(|text| Wanted { text, from, told: None }).collect();
        let Caller { name: who, scope, until, .. } = caller;
        let stream = Stream { who, scope, until, events, targets };
        match self.now() == looked_at {
            true => drop(streams.insert(id.clone(), stream)),
            // It may be theirs that changed. Whoever still may comes back at once.
            false => stream.say(End::Changed),
        }
        Ok((id, Batches::new(receiver)))
    }

    /// Targets that the stream already had go on without a break.
    pub fn set_targets(
        &self,
        id: &str,
        scope: &Scope,
        targets: Vec<String>,
        from: Option<Timestamp>,
    ) -> Answer<()> {
        check(&targets)?;
        let mut streams = self.streams.lock();
        let stream = streams.get_mut(id).filter(|stream| stream.scope == *scope);
        let stream = stream.ok_or_else(|| Problem::not_found("there is no such stream; open a new one"))?;
        let before = std::mem::take(&mut stream.targets);
        stream.targets = targets
            .into_iter()
            .enumerate()
            .map(|(place, text)| {
                // At another place it has another number, which the reader must be told.
                let same = before.get(place).filter(|wanted| wanted.text == text);
                same.cloned().unwrap_or(Wanted { text, from, told: None })
            })
            .collect();
        Ok(())
    }

    /// At once, and not with the next tick. A reader who is too slow for it is closed, and looks again when it is back.
    pub fn tell_changes(&self, changes: &[StateChange]) {
        let mut streams = self.streams.lock();
        if streams.is_empty() {
            return;
        }
        for chunk in changes.chunks(MAX_CHANGES) {
            streams.retain(|_, stream| {
                let seen: Vec<&StateChange> =
                    chunk.iter().filter(|change| is_seen(&stream.scope, change)).collect();
                seen.is_empty() || stream.events.try_send(vec![message::changes(&seen)]).is_ok()
            });
        }
    }

    /// What has happened to incidents, to each who sees something of them.
    pub fn tell_incidents(&self, seen: &[Seen]) {
        let mut streams = self.streams.lock();
        for chunk in seen.chunks(MAX_CHANGES) {
            streams.retain(|_, stream| {
                let seen: Vec<Seen> = chunk.iter().filter_map(|one| one.part(&stream.scope)).collect();
                seen.is_empty() || stream.events.try_send(vec![message::incidents(&seen)]).is_ok()
            });
        }
    }

    /// Does anybody listen at all?
    pub fn is_heard(&self) -> bool {
        !self.streams.lock().is_empty()
    }

    /// Groups of errors that are new or have changed, each with the name of its project, to each who sees that.
    pub fn tell_errors(&self, new: &[(String, Value)], changed: &[(String, Value)]) {
        let mut streams = self.streams.lock();
        streams.retain(|_, stream| {
            let seen = |all: &'_ [(String, Value)]| -> Vec<Value> {
                let theirs = all.iter().filter(|(project, _)| errors::sees(&stream.scope, project));
                theirs.map(|(_, group)| group.clone()).collect()
            };
            let (new, changed) = (seen(new), seen(changed));
            let is_nothing = new.is_empty() && changed.is_empty();
            is_nothing || stream.events.try_send(vec![message::errors(&new, &changed)]).is_ok()
        });
    }

    pub fn close(&self, id: &str) {
        self.streams.lock().remove(id);
    }

    /// What this one may see is another than when these were opened; nobody named: what anybody may see. Whoever still may
    /// comes back at once.
    pub fn close_of(&self, who: Option<&str>) {
        // Before the streams are looked through: what is opened behind that sees it.
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.end(End::Changed, |stream| who.is_none_or(|who| who == stream.who));
    }

    /// A stream lasts no longer than what it was opened with. In a session that is there in its place it is opened again.
    fn end_expired(&self, now: Timestamp) {
        self.end(End::Expired, |stream| stream.until.is_some_and(|until| until <= now));
    }

    fn end(&self, why: End, which: impl Fn(&Stream) -> bool) {
        self.streams.lock().retain(|_, stream| {
            let ends = which(stream);
            if ends {
                stream.say(why);
            }
            !ends
        });
    }
}

fn is_seen(scope: &Scope, change: &StateChange) -> bool {
    let name = change.id.monitor.strip_prefix(monitors::machine::HOST_PREFIX);
    scope.sees_watched(name.unwrap_or(&change.id.monitor), &change.id.instance)
}

fn check(targets: &[String]) -> Answer<()> {
    if targets.len() > MAX_TARGETS {
        return Err(Problem::bad_request(format!("a stream carries at most {MAX_TARGETS} targets")));
    }
    if targets.iter().any(|target| target.len() > MAX_TARGET_LENGTH) {
        return Err(Problem::bad_request(format!("a target has at most {MAX_TARGET_LENGTH} characters")));
    }
    Ok(())
}

/// Feeds the streams until `stop`, which it sees at the next tick, and closes them then. Blocks: it has a thread of its
/// own.
pub fn run(services: &Services, stop: &AtomicBool) {
    let mut feeder = Feeder { services, watched: HashMap::new(), next_id: 0, health: None };
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
        let ids: Vec<String> = self.services.hub.streams.lock().keys().cloned().collect();
        for id in ids {
            self.tell(&id, tick, now, health.as_ref());
        }
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
        let result = look(self.services, &key.target, scope, from, tick);
        watched.update(result, started.elapsed(), Instant::now(), &mut self.next_id);
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
        let mut told = Vec::with_capacity(targets.len());
        let mut out: Vec<Event> = health.cloned().into_iter().collect();
        let mut past = Vec::new();
        let mut rows: Vec<&Row> = Vec::new();
        for (place, wanted) in targets.iter().enumerate() {
            let Some(watched) = self.watched.get(&Key::new(&scope, &wanted.text)) else {
                told.push(None);
                continue;
            };
            told.push(Some(watched.version));
            if wanted.told != Some(watched.version) {
                out.push(message::series(place, &wanted.text, &watched.heads(), watched.error.as_ref()));
            }
            match wanted.told {
                None => past.extend(self.past(watched, wanted, &scope, tick)),
                Some(_) => rows.extend(&watched.rows),
            }
        }
        rows.extend(&past);
        // A series of two targets has an id in each, so no row is there twice.
        out.push(message::points(tick.0, now, &rows));
        let fits = events.try_send(out).is_ok();
        self.settle(id, &targets, told, fits);
    }

    fn stream(&self, id: &str) -> Option<(Scope, Vec<Wanted>, mpsc::Sender<Batch>)> {
        let streams = self.services.hub.streams.lock();
        let stream = streams.get(id)?;
        Some((stream.scope.clone(), stream.targets.clone(), stream.events.clone()))
    }

    /// What a target that is new to a stream brings along of the past.
    fn past(&self, watched: &Watched, wanted: &Wanted, scope: &Scope, tick: Timestamp) -> Vec<Row> {
        let usual = tick.minus(USUAL_PAST_SECONDS);
        let from =
            wanted.from.unwrap_or(usual).max(tick.minus(MAX_PAST_SECONDS)).min(watched.window_start(tick));
        let series = look(self.services, &wanted.text, scope, from, tick).unwrap_or_default();
        let row = |series: Evaluated| {
            Some(Row { id: watched.id_of(&series.name)?, start: series.start, values: series.values })
        };
        series.into_iter().filter_map(row).collect()
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
    let limits = QueryLimits {
        max_series: MAX_SERIES,
        deadline: Some(Instant::now() + EVALUATION_TIMEOUT),
        cancelled: Arc::default(),
        ..QueryLimits::default()
    };
    evaluate(services, target, scope, from, tick, tick, &limits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio_stream::StreamExt;

    use super::*;

    #[test]
    fn streams_end_with_what_they_stand_for() {
        let hub = Hub::default();
        let open = |who: &str| hub.open(hub.now(), caller(who, None), Vec::new(), None).unwrap().0;
        let (_first, second) = (open("ana"), open("ben"));
        hub.close_of(Some("ana"));
        assert_eq!(hub.streams.lock().keys().cloned().collect::<Vec<_>>(), [second]);
        hub.close_of(None);
        assert!(hub.streams.lock().is_empty());
    }

    #[tokio::test]
    async fn what_is_opened_over_a_change_ends_with_it() {
        let hub = Hub::default();
        let before = hub.now();
        hub.close_of(Some("ana"));
        let (_, late) = hub.open(before, caller("ana", None), Vec::new(), None).unwrap();
        assert!(hub.streams.lock().is_empty());
        let told: Vec<Event> = late.collect().await;
        assert_eq!(told.len(), 1, "why it ends, and then the end");
        assert!(format!("{:?}", told[0]).contains("changed"), "{told:?}");
        let (_, _again) = hub.open(hub.now(), caller("ana", None), Vec::new(), None).unwrap();
        assert_eq!(hub.streams.lock().len(), 1);
    }

    fn caller(name: &str, until: Option<i64>) -> Caller {
        Caller {
            name: name.into(),
            role: accounts::Role::Viewer,
            scope: Scope::everything(),
            via: accounts::Via::Session,
            until: until.map(Timestamp),
        }
    }

    #[tokio::test]
    async fn no_stream_outlives_what_it_was_opened_with() {
        let hub = Hub::default();
        let (_, short) = hub.open(hub.now(), caller("ana", Some(100)), Vec::new(), None).unwrap();
        let (longer, _still) = hub.open(hub.now(), caller("ana", Some(101)), Vec::new(), None).unwrap();
        let (for_ever, _also) = hub.open(hub.now(), caller("ben", None), Vec::new(), None).unwrap();
        hub.end_expired(Timestamp(99));
        assert_eq!(hub.streams.lock().len(), 3);
        hub.end_expired(Timestamp(100));
        let left: BTreeSet<_> = hub.streams.lock().keys().cloned().collect();
        assert_eq!(left, BTreeSet::from([longer, for_ever]));
        let told: Vec<Event> = short.collect().await;
        assert_eq!(told.len(), 1, "why it ends, and then the end");
        assert!(format!("{:?}", told[0]).contains("expired"), "{told:?}");
    }

    #[tokio::test]
    async fn whoever_is_too_slow_for_the_reason_is_ended_all_the_same() {
        let hub = Hub::default();
        let (_, slow) = hub.open(hub.now(), caller("ana", Some(100)), Vec::new(), None).unwrap();
        for stream in hub.streams.lock().values() {
            while stream.events.try_send(Vec::new()).is_ok() {}
        }
        hub.end_expired(Timestamp(100));
        assert!(hub.streams.lock().is_empty());
        assert_eq!(slow.collect::<Vec<_>>().await.len(), 0);
    }
}
