//! One request of an agent: every batch that is not stored yet is, then all of it survives a power cut.

use axum::http::StatusCode;
use formats::agent_batch::{Frame, Greeting, Happened, Unpacked, read_frame};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::{BatchMark, Successor, WriteReport};
use vocabulary::{PointBatch, SketchBatch, Timestamp};

use super::{Agent, AgentStatus, sender};
use crate::accounts::Caller;
use crate::annotations::{self, NewAnnotation};
use crate::answer::{Answer, Problem};
use crate::control::Readiness;
use crate::services::Services;

/// Rows of one request, unpacked; one batch at a time is in memory.
const MAX_ROWS_BYTES: usize = 256 << 20;

/// What became of the rows of a request. Each is in exactly one of the fields up to `outside`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Taken {
    pub stored: u64,
    /// Older than everything that is kept of the series.
    pub too_old: u64,
    /// Ahead of this server's clock by more than storage.future_tolerance.
    pub in_future: u64,
    pub no_value: u64,
    /// Names that cannot be series, and events beyond the limits.
    pub refused_name: u64,
    /// New names beyond the limits on series.
    pub refused_limit: u64,
    /// Names that the token may not write.
    pub outside: u64,
    /// Batches that were stored before.
    pub repeated: u64,
    /// One of what was refused, in words.
    pub example: Option<String>,
    /// What a person should know about this agent.
    pub warning: Option<String>,
    /// This server's clock.
    pub now: f64,
}

impl Taken {
    fn count(&mut self, report: WriteReport) {
        let WriteReport {
            stored,
            volatile,
            too_old,
            in_future,
            no_value,
            refused_name,
            refused_limit,
            repeated,
            ..
        } = report;
        // What is volatile is stored once the answer can say so: it waits for the disk. What is repeated was stored
        // before a crash.
        self.stored += stored + volatile + repeated;
        self.too_old += too_old;
        self.in_future += in_future;
        self.no_value += no_value;
        self.refused_name += refused_name;
        self.refused_limit += refused_limit;
    }

    fn add(&mut self, other: &Taken) {
        self.stored += other.stored;
        self.too_old += other.too_old;
        self.in_future += other.in_future;
        self.no_value += other.no_value;
        self.refused_name += other.refused_name;
        self.refused_limit += other.refused_limit;
        self.outside += other.outside;
        self.repeated += other.repeated;
    }

    pub fn refused(&self) -> u64 {
        self.too_old + self.in_future + self.no_value + self.refused_name + self.refused_limit + self.outside
    }

    fn explain(&mut self) {
        let all = [
            (self.refused_limit, "new names are beyond the limits on series: see /api/v1/cardinality"),
            (self.refused_name, "names cannot be series, or events are beyond the limits"),
            (self.too_old, "points are older than everything that is kept of their series"),
            (self.in_future, "points are ahead of the server's clock: look at the clocks of both machines"),
        ];
        if self.example.is_none() {
            self.example = all.into_iter().find(|(count, _)| *count > 0).map(|(_, why)| why.into());
        }
    }
}

pub fn take(services: &Services, caller: &Caller, body: &[u8]) -> Answer<Taken> {
    let mut rest = body;
    let greeting = Greeting::read(&mut rest).map_err(|error| {
        Problem::bad_request(error.to_string()).hint("this path is for `bellwether agent`")
    })?;
    let frames = frames(rest)?;
    refuse_while_impaired(services)?;
    let agent = services.agents.of(&greeting)?;
    let mut applied = agent.applied.lock();
    applied.forget_below(greeting.settled);
    let sender = sender(&greeting);
    let mut taken = Taken::default();
    let mut newest = None;
    let clock = || services.clock.since_epoch().as_secs_f64();
    for frame in &frames {
        if applied.contains(frame.sequence) {
            taken.repeated += 1;
            continue;
        }
        let rows = frame.rows().map_err(|error| unreadable(frame.sequence, error))?;
        let mark = BatchMark { sender: &sender, number: frame.sequence, settled: greeting.settled };
        let events = store(services, caller, rows, mark, &mut taken);
        if !events.is_empty() {
            // Whoever has the number is not told the rows again: they are on the disk before.
            services.sink.sync()?;
            let mut with_it = applied.clone();
            with_it.insert(frame.sequence);
            let refused = services.agents.keep(&services.state, &greeting, &with_it, &events, clock())?;
            taken.refused_name += refused as u64;
            taken.stored += (events.len() - refused) as u64;
        }
        newest = newest.max(Some(frame.summary.newest).filter(|_| frame.summary.points > 0));
        applied.insert(frame.sequence);
    }
    // Without batches, and for those that were stored before, too: the answer means that they are safe.
    if !frames.is_empty() {
        services.sink.sync()?;
    }
    let now = clock();
    if !frames.is_empty() {
        services.agents.keep(&services.state, &greeting, &applied, &[], now)?;
    }
    note(&agent, &greeting, &taken, frames.len() as u64, newest, now);
    taken.now = now;
    taken.warning = warning(services, &greeting, now);
    taken.explain();
    Ok(taken)
}

/// All of them are looked at before the first is stored.
fn frames(mut bytes: &[u8]) -> Answer<Vec<Frame<'_>>> {
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut rows_bytes = 0;
    while !bytes.is_empty() {
        let frame = read_frame(bytes).map_err(|error| {
            let after = frames.last().map_or(0, |frame| frame.sequence);
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("behind batch {after}: {error}"))
        })?;
        rows_bytes += frame.rows_bytes();
        bytes = &bytes[frame.bytes.len()..];
        frames.push(frame);
    }
    if rows_bytes > MAX_ROWS_BYTES {
        let why = format!("the batches hold more than {MAX_ROWS_BYTES} bytes when they are unpacked");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why).hint("send fewer batches at once"));
    }
    Ok(frames)
}

fn unreadable(sequence: u64, error: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("batch {sequence}: {error}"))
}

/// What the disk does not take now stays with the agent, where it survives.
fn refuse_while_impaired(services: &Services) -> Answer<()> {
    let why = match services.control.readiness() {
        Readiness::Impaired(why) => why,
        Readiness::Stopping => "the server is stopping".into(),
        Readiness::Starting | Readiness::Ready => return Ok(()),
    };
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).hint("the agent keeps its points and tries again"))
}

/// Its events are still to be stored.
fn store(
    services: &Services,
    caller: &Caller,
    rows: Unpacked,
    mark: BatchMark<'_>,
    taken: &mut Taken,
) -> Vec<NewAnnotation> {
    let Unpacked { mut points, mut sketches, events } = rows;
    if !caller.scope.is_everything() {
        points = seen_points(caller, &points, taken);
        sketches = seen_sketches(caller, &sketches, taken);
    }
    taken.count(services.sink.write(&points, &mut Successor::default()));
    taken.count(services.sink.write_sketches_once(&sketches, mark));
    events.into_iter().map(annotation).collect()
}

fn annotation(event: Happened) -> NewAnnotation {
    let word = |tag: &String| tag.split_whitespace().collect::<Vec<_>>().join("_");
    NewAnnotation {
        at: event.at.0 as f64,
        what: event.what.chars().take(annotations::MAX_WHAT).collect(),
        tags: event.tags.iter().map(word).collect(),
        data: event.data,
    }
}

fn seen_points(caller: &Caller, points: &PointBatch, taken: &mut Taken) -> PointBatch {
    let mut seen = PointBatch::default();
    for point in points.iter() {
        if is_seen(caller, point.name, taken) {
            seen.push(point.name, point.time, point.value);
        }
    }
    seen
}

fn seen_sketches(caller: &Caller, sketches: &SketchBatch, taken: &mut Taken) -> SketchBatch {
    let mut seen = SketchBatch::default();
    for (name, time, sketch) in sketches.iter() {
        if is_seen(caller, name, taken) {
            seen.push(name, time, sketch.clone());
        }
    }
    seen
}

/// May the token touch the series that this name stands for? What is no name is left for the store to count.
fn is_seen(caller: &Caller, name: &[u8], taken: &mut Taken) -> bool {
    let canonical = std::str::from_utf8(name).ok().and_then(|name| vocabulary::series::canonical(name).ok());
    let Some(canonical) = canonical else { return true };
    let seen = caller.scope.sees(&canonical);
    if !seen {
        taken.outside += 1;
        taken.example.get_or_insert_with(|| {
            format!("`{canonical}` is outside of what the token {} may touch", caller.name)
        });
    }
    seen
}

fn note(
    agent: &Agent,
    greeting: &Greeting,
    taken: &Taken,
    batches: u64,
    newest: Option<Timestamp>,
    now: f64,
) {
    let mut status = agent.status.lock();
    let AgentStatus { heard_since, totals, .. } = &mut *status;
    heard_since.get_or_insert(now);
    totals.add(taken);
    status.name.clone_from(&greeting.name);
    status.last_heard = now;
    status.interval_seconds = greeting.interval_ms as f64 / 1e3;
    // What came with this request waits no longer.
    let waits = greeting.waiting_batches > batches;
    status.waiting_points = if waits { greeting.waiting_points } else { 0 };
    status.waiting_bytes = if waits { greeting.waiting_bytes } else { 0 };
    status.dropped_points = greeting.dropped_points;
    status.skew_seconds = greeting.now_ms as f64 / 1e3 - now;
    status.newest = status.newest.max(newest);
    status.batches += batches;
}

fn warning(services: &Services, greeting: &Greeting, now: f64) -> Option<String> {
    services.agents.has_twin(greeting, now).then(|| {
        format!(
            "two machines call themselves {}: their series write over each other; give each its own [collectors] host_name",
            greeting.name
        )
    })
}
