//! Errors: the thread `errors` keeps events and counts them in their groups.
//!
//! What was digested by whoever took it in waits in a bounded queue. Each round takes all that waits: it is grouped, its bodies are
//! handed to the log, and it is counted. What is no news is answered then, as it is with the kernel; news waits for the disk and
//! for the transaction that tells of it. What a kill left uncounted is read from the log at the start, before anybody is let in.

pub mod in_common;
pub mod own;
mod replay;
pub mod seconds;
pub mod tee;
#[cfg(test)]
mod tests;
pub mod upkeep;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use error_tracking::symbols::{Artifacts, Directory};
use error_tracking::{Digested, News, Projects, Taken, Tracker};
use event_store::EventStore;
use http_api::sentry::intake::Answered;
use http_api::sentry::senders::Senders;
use http_api::sentry::timings::Timings;
use http_api::sentry::{Busy, ErrorIntake, Incoming, NotKept, Outcome};
use incidents::Desk;
use monitors::kinds::errors::Seen;
use parking_lot::{Condvar, Mutex};
use state_store::StateStore;
use tokio::sync::oneshot;
use vocabulary::error::{EventBody, EventKey};
use vocabulary::ports::EventLog;
use vocabulary::state::StateChange;
use vocabulary::{Clock, Timestamp};

use crate::error_rules::{ErrorTelling, Round};
use crate::failure::Failure;
use crate::house::House;
use seconds::Seconds;
use upkeep::Bell;

/// Events that wait, and their bodies together. Beyond either senders are told to come again.
const MAX_WAITING: usize = 2_000;
const MAX_WAITING_BYTES: usize = 256 << 20;
/// Of one round: what a transaction takes, and whoever waits for it.
const MAX_ROUND: usize = 500;
/// What was counted is written out so often.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A project that had events within so long has its series from the start on.
const ACTIVE_SECONDS: i64 = 30 * 86_400;

/// Everything of errors that is kept, and the queue before it.
pub struct Errors {
    pub projects: Arc<Projects>,
    pub tracker: Arc<Tracker>,
    pub log: Arc<EventStore>,
    /// What builds uploaded: source maps.
    pub artifacts: Arc<Artifacts>,
    pub senders: Arc<Senders>,
    pub timings: Arc<Timings>,
    pub seconds: Seconds,
    /// What was counted at the start and no rule has seen.
    pub untold: Mutex<Vec<Seen>>,
    state: Arc<StateStore>,
    queue: Mutex<Queue>,
    wake: Condvar,
    touched: Mutex<Touched>,
    /// Calls whoever takes out what is too old.
    pub upkeep_bell: Bell,
    /// Held while segments of the log may be written anew, or are copied.
    pub rewriting: Mutex<()>,
    pub stats: Stats,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    events: usize,
    bytes: usize,
    /// There is a thread that works.
    is_open: bool,
}

struct Job {
    events: Vec<Incoming>,
    answer: oneshot::Sender<Result<Vec<Outcome>, NotKept>>,
}

#[derive(Default)]
pub struct Stats {
    /// Turned away because too many waited.
    pub busy: AtomicU64,
    pub kept: AtomicU64,
    pub not_kept: AtomicU64,
    pub rounds: AtomicU64,
    pub round_microseconds: AtomicU64,
    /// Why events cannot be kept, and why they cannot be counted, until that goes well again.
    pub keeping: Trouble,
    pub counting: Trouble,
}

#[derive(Default)]
pub struct Trouble(Mutex<Option<String>>);

impl Trouble {
    pub fn why(&self) -> Option<String> {
        self.0.lock().clone()
    }

    fn note(&self, done: &Result<(), String>) {
        let why = done.as_ref().err().cloned();
        let mut known = self.0.lock();
        if let Some(why) = why.as_ref().filter(|why| known.as_ref() != Some(why)) {
            tracing::error!(%why, "errors cannot be kept");
        }
        *known = why;
    }
}

/// Groups to which something has happened and nobody who looks was told yet.
#[derive(Default)]
struct Touched {
    new: BTreeSet<u64>,
    changed: BTreeSet<u64>,
}

impl Stats {
    pub fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Errors {
    /// Opens what is kept, and counts what was not counted yet.
    pub fn open(
        directory: &std::path::Path,
        state: &Arc<StateStore>,
        clock: &dyn Clock,
    ) -> Result<Errors, Failure> {
        let doing = "read the groups of errors";
        let projects = Projects::open(state.clone()).map_err(Failure::doing("read the projects"))?;
        let tracker = Tracker::open(state.clone()).map_err(Failure::doing(doing))?;
        let mut options = event_store::Options::new(directory.join("errors"));
        options.next_at_least = tracker.counted();
        let (log, recovery) =
            EventStore::open(options).map_err(Failure::doing("open the events of errors"))?;
        let artifacts = Directory::open(&directory.join("errors").join("artifacts"));
        let artifacts = artifacts.map_err(Failure::doing("open the artifacts of builds"))?;
        let artifacts = Artifacts::open(state.clone(), Arc::new(artifacts), clock.now());
        let artifacts = artifacts.map_err(Failure::doing("open the artifacts of builds"))?;
        replay::tell(&recovery);
        replay::make_up_merges(&tracker, &log)?;
        replay::make_up_splits(&tracker, &log)?;
        let untold = replay::recount(&projects, &tracker, &log, state, clock.now())?;
        let active = tracker.active(clock.now().minus(ACTIVE_SECONDS)).map_err(Failure::doing(doing))?;
        Ok(Errors {
            projects: Arc::new(projects),
            tracker: Arc::new(tracker),
            log: Arc::new(log),
            artifacts: Arc::new(artifacts),
            senders: Arc::default(),
            timings: Arc::default(),
            seconds: Seconds::of(active),
            untold: Mutex::new(untold),
            state: state.clone(),
            queue: Mutex::default(),
            touched: Mutex::default(),
            upkeep_bell: Bell::default(),
            rewriting: Mutex::default(),
            wake: Condvar::new(),
            stats: Stats::default(),
        })
    }

    pub fn waiting(&self) -> usize {
        self.queue.lock().events
    }

    /// How full the queue is, 0 to 1.
    pub fn filled(&self) -> f64 {
        self.waiting() as f64 / MAX_WAITING as f64
    }

    /// What waits, but no more than a round takes; nothing if nobody came within this time.
    fn next(&self, patience: Duration) -> Vec<Job> {
        let mut queue = self.queue.lock();
        let end = Instant::now() + patience;
        while queue.jobs.is_empty() && queue.is_open {
            if self.wake.wait_until(&mut queue, end).timed_out() {
                break;
            }
        }
        let mut jobs = Vec::new();
        let mut events = 0;
        while let Some(job) = queue.jobs.front() {
            if events > 0 && events + job.events.len() > MAX_ROUND {
                break;
            }
            events += job.events.len();
            jobs.extend(queue.jobs.pop_front());
        }
        queue.events -= events;
        queue.bytes -= jobs.iter().map(|job| bytes_of(&job.events)).sum::<usize>();
        jobs
    }

    fn note(&self, event: &Digested, taken: &Taken) {
        self.seconds.note(event, taken);
        let mut touched = self.touched.lock();
        match taken.news {
            Some(News::New) => touched.new.insert(taken.group),
            _ => touched.changed.insert(taken.group),
        };
    }

    fn close(&self) {
        self.queue.lock().is_open = false;
        self.wake.notify_all();
    }
}

fn bytes_of(events: &[Incoming]) -> usize {
    events.iter().map(|incoming| incoming.event.body.len()).sum()
}

impl ErrorIntake for Errors {
    fn take(&self, events: Vec<Incoming>) -> Result<Answered, Busy> {
        let (answer, answered) = oneshot::channel();
        let bytes = bytes_of(&events);
        let mut queue = self.queue.lock();
        let is_full = queue.events + events.len() > MAX_WAITING || queue.bytes + bytes > MAX_WAITING_BYTES;
        if is_full || !queue.is_open {
            drop(queue);
            Stats::add(&self.stats.busy, events.len());
            return Err(Busy);
        }
        queue.events += events.len();
        queue.bytes += bytes;
        queue.jobs.push_back(Job { events, answer });
        drop(queue);
        self.wake.notify_one();
        Ok(answered)
    }
}

/// The thread.
pub struct Keeping {
    house: Arc<House>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeping {
    pub fn start(house: &Arc<House>) -> Result<Keeping, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        house.errors.queue.lock().is_open = true;
        let (kept, stopping) = (house.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("errors".into());
        let thread = thread.spawn(move || run(&kept, &stopping)).map_err(Failure::doing("start"))?;
        Ok(Keeping { house: house.clone(), stop, thread })
    }

    /// Whoever waits gets an answer; all of it is counted and on the disk when this returns.
    pub fn stop(self) {
        self.house.errors.close();
        self.stop.store(true, Ordering::Relaxed);
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

fn run(house: &House, stop: &AtomicBool) {
    let errors = &*house.errors;
    let mut saved = Instant::now();
    let mut is_dirty = false;
    loop {
        let jobs = errors.next(SAVE_EVERY.saturating_sub(saved.elapsed()));
        let is_over = jobs.is_empty() && stop.load(Ordering::Relaxed);
        if !jobs.is_empty() {
            is_dirty = true;
            let begun = Instant::now();
            match no_room(house) {
                Some(why) => turn_away(errors, jobs, &why),
                None => {
                    let rules = Rules { telling: &house.error_telling, desk: &house.desk };
                    let changes = round(errors, &rules, jobs, house.clock.now());
                    tell_changes(house, &changes);
                }
            }
            Stats::add(&errors.stats.rounds, 1);
            Stats::add(&errors.stats.round_microseconds, begun.elapsed().as_micros() as usize);
        }
        if is_over || saved.elapsed() >= SAVE_EVERY {
            saved = Instant::now();
            let done = save(errors, house.clock.now(), is_dirty);
            is_dirty &= done.is_err();
            errors.stats.counting.note(&done);
            tell(house);
        }
        if is_over {
            return;
        }
    }
}

/// What is left of the disk is for what people do: whoever has a public key does not take it. Health says of the store why.
fn no_room(house: &House) -> Option<String> {
    // Its reason takes a lock, and is asked for when there is one.
    let why = house.store.is_read_only().then(|| house.store.health().read_only)?;
    why.map(|why| why.reason)
}

/// The log first: what is counted must be there after a power cut too.
fn save(errors: &Errors, now: Timestamp, is_dirty: bool) -> Result<(), String> {
    if is_dirty {
        errors.log.sync().map_err(|error| error.to_string())?;
    }
    errors.tracker.tick(now).map(drop).map_err(|error| error.to_string())
}

/// Whoever looks at errors sees them come.
fn tell(house: &House) {
    let touched = std::mem::take(&mut *house.errors.touched.lock());
    if let Some(services) = house.services.load().as_ref() {
        http_api::tell_errors(services, &touched.new, &touched.changed);
    }
}

/// Rules on errors, and the desk that gets their word.
struct Rules<'h> {
    telling: &'h ErrorTelling,
    desk: &'h Desk,
}

/// What rules have said of it, and is kept.
fn round(errors: &Errors, rules: &Rules<'_>, jobs: Vec<Job>, now: Timestamp) -> Vec<StateChange> {
    let kept = keep(errors, &jobs, now);
    errors.stats.keeping.note(&kept.as_ref().map(|_| ()).map_err(String::clone));
    match kept {
        Ok(kept) => kept.answer(errors, rules, jobs, now),
        Err(why) => {
            turn_away(errors, jobs, &why);
            Vec::new()
        }
    }
}

fn turn_away(errors: &Errors, jobs: Vec<Job>, why: &str) {
    let events = jobs.iter().map(|job| job.events.len()).sum();
    Stats::add(&errors.stats.not_kept, events);
    for job in jobs {
        // Whoever asked may have gone.
        let _ = job.answer.send(Err(NotKept(why.to_owned())));
    }
}

/// What became of a round: for each event of each job, in order. None: it was there already.
struct Kept<'e> {
    taken: Vec<Option<Taken>>,
    batch: error_tracking::Batch<'e>,
}

/// All of the round is with the kernel and counted, or nothing of it has ever been.
fn keep<'e>(errors: &'e Errors, jobs: &[Job], now: Timestamp) -> Result<Kept<'e>, String> {
    let mut batch = errors.tracker.batch();
    let mut taken = Vec::new();
    let mut bodies = Vec::new();
    for Incoming { project, event } in jobs.iter().flat_map(|job| &job.events) {
        let is_known = errors.log.contains(project.id, event.event_id);
        let one = batch.take(project, event, is_known, now).map_err(|error| error.to_string())?;
        if let Some(one) = &one {
            let key = EventKey { project: project.id, group: one.group, at: event.at, id: event.event_id };
            let user = event.user.as_ref().map(|user| user.hash);
            bodies.push(EventBody { key, user, body: &event.body });
        }
        taken.push(one);
    }
    let ticket = errors.log.append(&bodies).map_err(|error| error.to_string())?;
    batch.commit(ticket.next);
    Stats::add(&errors.stats.kept, bodies.len());
    Ok(Kept { taken, batch })
}

impl Kept<'_> {
    /// What is no news is answered at once. A double may be one of an event of this very round, so it waits with the news.
    fn answer(
        mut self,
        errors: &Errors,
        rules: &Rules<'_>,
        jobs: Vec<Job>,
        now: Timestamp,
    ) -> Vec<StateChange> {
        let mut round = rules.telling.round();
        let mut seen = Vec::new();
        let mut taken = self.taken.into_iter();
        let mut waiting = Vec::new();
        let mut has_news = false;
        for job in jobs {
            let of_job: Vec<Option<Taken>> = taken.by_ref().take(job.events.len()).collect();
            for (incoming, one) in job.events.iter().zip(&of_job) {
                if let Some(one) = one {
                    errors.note(&incoming.event, one);
                    has_news |= is_news(one);
                    if !round.is_idle() {
                        seen.push(Seen::of(&incoming.project, &incoming.event, one));
                    }
                }
            }
            let is_repeat = of_job.iter().all(|one| one.as_ref().is_some_and(|one| !is_news(one)));
            let outcomes: Vec<Outcome> = of_job.into_iter().map(outcome).collect();
            match is_repeat {
                // Whoever asked may have gone.
                true => drop(job.answer.send(Ok(outcomes))),
                false => waiting.push((job.answer, outcomes)),
            }
        }
        let mut changes = round.errors_told(errors, &seen, now);
        let saved = match has_news || self.batch.wants_saving() || !changes.is_empty() {
            true => {
                let desk = (!changes.is_empty()).then(|| {
                    let mut desk = rules.desk.batch();
                    desk.take(&changes, &[], now);
                    desk
                });
                save_batch(errors, &mut self.batch, round, desk)
            }
            false => {
                drop(round);
                Ok(())
            }
        };
        drop(self.batch);
        if saved.is_err() {
            errors.stats.counting.note(&saved);
            changes.clear();
        }
        for (answer, outcomes) in waiting {
            let told = saved.clone().map(|()| outcomes).map_err(NotKept);
            let _ = answer.send(told);
        }
        changes
    }
}

/// What opened or reopened a group, and the word of it, in one transaction.
fn save_batch(
    errors: &Errors,
    batch: &mut error_tracking::Batch<'_>,
    round: Round<'_>,
    desk: Option<incidents::desk::Batch<'_>>,
) -> Result<(), String> {
    errors.log.sync().map_err(|error| error.to_string())?;
    let written = errors.state.transaction(|tx| {
        batch.save(tx)?;
        round.save(tx)?;
        desk.as_ref().map_or(Ok(()), |desk| desk.save(tx))
    });
    written.map_err(|error| error.to_string())?;
    batch.saved();
    round.saved();
    if let Some(desk) = desk {
        desk.committed();
    }
    Ok(())
}

pub fn tell_changes(house: &House, changes: &[StateChange]) {
    if changes.is_empty() {
        return;
    }
    if let Some(services) = house.services.load().as_ref() {
        services.hub.tell_changes(changes);
    }
}

/// A group that begins is on the disk before it is answered for, also while nobody is told of new ones.
fn is_news(taken: &Taken) -> bool {
    taken.news.is_some() || taken.has_begun
}

fn outcome(taken: Option<Taken>) -> Outcome {
    match taken {
        Some(Taken { group, short, news, .. }) => Outcome::Kept { group, short, news },
        None => Outcome::Doubled,
    }
}
