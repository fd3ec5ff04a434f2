//! What is due. Time is an argument: a duration on a clock that never goes back, so that a step of the wall clock
//! neither stops checks nor runs all of them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::limits;

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Host(Arc<str>),
    Check(Arc<str>),
}

impl Subject {
    pub fn name(&self) -> &Arc<str> {
        match self {
            Subject::Host(name) | Subject::Check(name) => name,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the state machine says of a check whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Run,
    /// Outside of its check period, held back by a dependency, switched off: ask again after so long.
    NotFor(Duration),
}

/// A check to be started now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub subject: Subject,
    /// When it should have started.
    pub due: Duration,
    /// How much later it is.
    pub latency: Duration,
    /// Somebody asked for it.
    pub forced: bool,
}

/// What is to be scheduled.
#[derive(Clone, Debug)]
pub struct Planned {
    pub subject: Subject,
    /// The host whose share of the running checks it takes.
    pub host: Arc<str>,
    /// Zero: only when somebody asks for it, as Nagios has it.
    pub interval: Duration,
    /// When it would run next by what is known of its last run; `None`: it never ran, or that moment has passed.
    pub next_in: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScheduleStats {
    pub scheduled: usize,
    pub running: usize,
    /// Due, and held back because too many run, in all or of their host.
    pub waiting: usize,
    pub started: u64,
    pub forced: u64,
    pub late_starts: u64,
    /// Not run when due: period, dependency, switched off.
    pub held_back: u64,
}

#[derive(Debug)]
pub struct Scheduler {
    max_concurrent: usize,
    max_per_host: usize,
    entries: HashMap<Subject, Entry>,
    /// (when, in which order it was put there, what). What no longer agrees with its entry is passed over.
    queue: BinaryHeap<Reverse<(Duration, u64, Subject)>>,
    /// Asked for by somebody: before everything else.
    forced: VecDeque<Subject>,
    /// Due, in the order of their time, and their host has its share running.
    parked: HashMap<Arc<str>, VecDeque<Subject>>,
    running_of_host: HashMap<Arc<str>, usize>,
    running: usize,
    order: u64,
    stats: ScheduleStats,
}

#[derive(Debug)]
struct Entry {
    host: Arc<str>,
    interval: Duration,
    stage: Stage,
    due: Duration,
    /// Ran only as part of the spread after a start: its next run falls on its own place in the interval.
    place: Option<f64>,
    forced: bool,
    /// It was due, and the wall clock or the state of something else said when to ask again.
    held: bool,
    /// Taken out of the configuration while it runs.
    gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In the queue under this number.
    Queued(u64),
    Parked,
    Running,
    /// Waits for somebody to ask for it.
    Idle,
}

impl Scheduler {
    pub fn new(max_concurrent: usize) -> Scheduler {
        let mut scheduler = Scheduler {
            max_concurrent: 0,
            max_per_host: 0,
            entries: HashMap::new(),
            queue: BinaryHeap::new(),
            forced: VecDeque::new(),
            parked: HashMap::new(),
            running_of_host: HashMap::new(),
            running: 0,
            order: 0,
            stats: ScheduleStats::default(),
        };
        scheduler.set_max_concurrent(max_concurrent);
        scheduler
    }

    pub fn set_max_concurrent(&mut self, max_concurrent: usize) {
        self.max_concurrent = max_concurrent.max(1);
        self.max_per_host = (self.max_concurrent / limits::HOST_SHARE).max(limits::PER_HOST_MIN);
    }

    /// From now on these are scheduled and no others. Whoever was there before keeps its time; the others are spread,
    /// so that a start with 3,000 checks does not start 3,000 processes.
    pub fn set(&mut self, planned: Vec<Planned>, now: Duration) {
        let mut before = std::mem::take(&mut self.entries);
        let is_new = |plan: &Planned| !before.contains_key(&plan.subject) && !plan.interval.is_zero();
        let unknown = planned.iter().filter(|plan| is_new(plan) && plan.next_in.is_none()).count();
        let mut spread = Spread { of: u32::try_from(unknown).unwrap_or(u32::MAX), at: 0 };
        for plan in planned {
            let entry = match before.remove(&plan.subject) {
                Some(entry) => self.changed(entry, &plan, now),
                None => self.new_entry(&plan, &mut spread, now),
            };
            self.entries.insert(plan.subject, entry);
        }
        for (subject, entry) in before {
            if entry.stage == Stage::Running {
                self.entries.insert(subject, Entry { gone: true, ..entry });
            }
        }
    }

    /// What is to start now; it counts as running until [`finished`](Self::finished) is called for it.
    pub fn due(&mut self, now: Duration, mut gate: impl FnMut(&Subject) -> Gate) -> Vec<Start> {
        let mut starts = Vec::new();
        while self.running < self.max_concurrent
            && let Some(subject) = self.forced.pop_front()
        {
            if self.entries.get(&subject).is_some_and(|entry| entry.forced && entry.stage != Stage::Running) {
                starts.push(self.start(subject, now));
            }
        }
        while self.running < self.max_concurrent
            && let Some(subject) = self.pop_due(now)
        {
            match gate(&subject) {
                Gate::NotFor(wait) => self.hold_back(subject, now, wait),
                Gate::Run if self.host_is_full(&subject) => self.park(subject),
                Gate::Run => starts.push(self.start(subject, now)),
            }
        }
        starts
    }

    /// Its result is in. `next_in` is what the state machine says: its interval, or the one for trying again; zero: not
    /// before somebody asks for it. False if it is no longer there.
    pub fn finished(&mut self, subject: &Subject, next_in: Duration, now: Duration) -> bool {
        let Some(entry) = self.entries.get_mut(subject).filter(|entry| entry.stage == Stage::Running) else {
            return false;
        };
        let (host, gone, due) = (entry.host.clone(), entry.gone, entry.due);
        let is_regular = next_in == entry.interval;
        let from_start =
            is_regular.then(|| entry.place.take()).flatten().map(|place| now + next_in.mul_f64(place));
        self.running -= 1;
        self.release(&host, now);
        if gone {
            self.entries.remove(subject);
            return false;
        }
        if next_in.is_zero() {
            self.set_stage(subject, Stage::Idle);
        } else {
            // As often as it should be, wherever its runs began; what was missed meanwhile is not made up for.
            let next = from_start.unwrap_or_else(|| due + next_in * periods_until(due, next_in, now));
            self.enqueue(subject.clone(), next);
        }
        let forced_again = self.entries.get(subject).is_some_and(|entry| entry.forced);
        if forced_again {
            self.forced.push_back(subject.clone());
        }
        true
    }

    /// Somebody asks for it now. If it runs already it runs once more after that. False if there is no such check.
    pub fn force(&mut self, subject: &Subject) -> bool {
        let Some(entry) = self.entries.get_mut(subject).filter(|entry| !entry.gone) else { return false };
        if !entry.forced {
            entry.forced = true;
            self.stats.forced += 1;
            if entry.stage != Stage::Running {
                self.forced.push_back(subject.clone());
            }
        }
        true
    }

    /// A result came by another way: the next run is so far from now. Nothing happens to one that runs.
    pub fn run_in(&mut self, subject: &Subject, wait: Duration, now: Duration) {
        if self
            .entries
            .get(subject)
            .is_some_and(|entry| matches!(entry.stage, Stage::Queued(_) | Stage::Idle))
        {
            self.enqueue(subject.clone(), now + wait);
        }
    }

    /// When [`due`](Self::due) should be asked again, unless something finishes before.
    pub fn next_due(&mut self) -> Option<Duration> {
        if self.running >= self.max_concurrent {
            return None;
        }
        if !self.forced.is_empty() {
            return Some(Duration::ZERO);
        }
        self.drop_stale();
        self.queue.peek().map(|Reverse((due, ..))| *due)
    }

    /// When this one runs next, if that is known.
    pub fn next_of(&self, subject: &Subject) -> Option<Duration> {
        let entry = self.entries.get(subject)?;
        match entry.stage {
            Stage::Queued(_) | Stage::Parked => Some(entry.due),
            // Unless what comes of it says otherwise.
            Stage::Running => (!entry.interval.is_zero()).then(|| entry.due + entry.interval),
            Stage::Idle => None,
        }
    }

    pub fn is_running(&self, subject: &Subject) -> bool {
        self.entries.get(subject).is_some_and(|entry| entry.stage == Stage::Running)
    }

    pub fn stats(&self, now: Duration) -> ScheduleStats {
        let is_late = |entry: &&Entry| match entry.stage {
            Stage::Parked => true,
            Stage::Queued(_) => entry.due < now,
            Stage::Running | Stage::Idle => false,
        };
        ScheduleStats {
            scheduled: self.entries.values().filter(|entry| entry.stage != Stage::Idle).count(),
            running: self.running,
            waiting: self.entries.values().filter(is_late).count(),
            ..self.stats
        }
    }

    fn new_entry(&mut self, plan: &Planned, spread: &mut Spread, now: Duration) -> Entry {
        let mut entry = Entry {
            host: plan.host.clone(),
            interval: plan.interval,
            stage: Stage::Idle,
            due: now,
            place: None,
            forced: false,
            held: false,
            gone: false,
        };
        if plan.interval.is_zero() {
            return entry;
        }
        match plan.next_in {
            Some(wait) => entry.due = now + wait.min(plan.interval),
            None => {
                let (wait, place) = spread.next(plan.interval);
                (entry.due, entry.place) = (now + wait, place);
            }
        }
        entry.stage = self.queued(plan.subject.clone(), entry.due);
        entry
    }

    /// One that was there before: what it waits for is no longer than its interval now says.
    fn changed(&mut self, before: Entry, plan: &Planned, now: Duration) -> Entry {
        let mut entry = Entry { host: before.host.clone(), gone: false, ..before };
        // A host's share is counted under the name with which it was taken.
        if entry.stage != Stage::Running && entry.stage != Stage::Parked {
            entry.host = plan.host.clone();
        }
        if entry.interval == plan.interval {
            return entry;
        }
        entry.interval = plan.interval;
        if let Stage::Queued(_) | Stage::Idle = entry.stage {
            if plan.interval.is_zero() {
                entry.stage = Stage::Idle;
            } else {
                let soonest = if entry.stage == Stage::Idle { now + plan.interval } else { entry.due };
                entry.due = soonest.min(now + plan.interval);
                entry.stage = self.queued(plan.subject.clone(), entry.due);
            }
        }
        entry
    }

    /// The first in the queue whose time has come.
    fn pop_due(&mut self, now: Duration) -> Option<Subject> {
        self.drop_stale();
        if self.queue.peek().is_none_or(|Reverse((due, ..))| *due > now) {
            return None;
        }
        self.queue.pop().map(|Reverse((_, _, subject))| subject)
    }

    fn drop_stale(&mut self) {
        while let Some(Reverse((_, order, subject))) = self.queue.peek() {
            if self.entries.get(subject).is_some_and(|entry| entry.stage == Stage::Queued(*order)) {
                return;
            }
            self.queue.pop();
        }
    }

    fn start(&mut self, subject: Subject, now: Duration) -> Start {
        let entry = self.entries.get_mut(&subject).expect("only what has an entry is queued");
        let forced = std::mem::take(&mut entry.forced);
        // Asked for ahead of its time: its interval begins anew, as Nagios does it.
        let due = if forced { now } else { entry.due.min(now) };
        (entry.stage, entry.due) = (Stage::Running, due);
        *self.running_of_host.entry(entry.host.clone()).or_default() += 1;
        self.running += 1;
        let latency = now - due;
        self.stats.started += 1;
        self.stats.late_starts += u64::from(latency >= limits::LATE_AFTER);
        Start { subject, due, latency, forced }
    }

    fn hold_back(&mut self, subject: Subject, now: Duration, wait: Duration) {
        self.stats.held_back += 1;
        // A second at least: a gate that says "in no time" must not be asked for ever.
        self.enqueue(subject.clone(), now + wait.max(Duration::from_secs(1)));
        if let Some(entry) = self.entries.get_mut(&subject) {
            entry.held = true;
        }
    }

    /// The wall clock was set: how long a period is still closed is worked out anew.
    pub fn ask_again(&mut self, now: Duration) {
        let held = |(_, entry): &(&Subject, &Entry)| entry.held && entry.due > now;
        let held: Vec<Subject> =
            self.entries.iter().filter(held).map(|(subject, _)| subject.clone()).collect();
        held.into_iter().for_each(|subject| self.enqueue(subject, now));
    }

    fn host_is_full(&self, subject: &Subject) -> bool {
        let host = self.entries.get(subject).map(|entry| &entry.host);
        host.and_then(|host| self.running_of_host.get(host))
            .is_some_and(|running| *running >= self.max_per_host)
    }

    fn park(&mut self, subject: Subject) {
        let Some(entry) = self.entries.get_mut(&subject) else { return };
        entry.stage = Stage::Parked;
        self.parked.entry(entry.host.clone()).or_default().push_back(subject);
    }

    /// A place of this host is free: whoever waits longest for it goes back to the queue, with its old time.
    fn release(&mut self, host: &Arc<str>, now: Duration) {
        if let Some(running) = self.running_of_host.get_mut(host) {
            *running -= 1;
            if *running == 0 {
                self.running_of_host.remove(host);
            }
        }
        while let Some(subject) = self.parked.get_mut(host).and_then(VecDeque::pop_front) {
            let entry = self.entries.get(&subject).filter(|entry| entry.stage == Stage::Parked);
            if let Some(due) = entry.map(|entry| entry.due) {
                self.enqueue(subject, due.min(now));
                return;
            }
        }
        self.parked.remove(host);
    }

    fn enqueue(&mut self, subject: Subject, due: Duration) {
        let stage = self.queued(subject.clone(), due);
        if let Some(entry) = self.entries.get_mut(&subject) {
            (entry.stage, entry.due, entry.held) = (stage, due, false);
        }
    }

    fn queued(&mut self, subject: Subject, due: Duration) -> Stage {
        self.order += 1;
        self.queue.push(Reverse((due, self.order, subject)));
        Stage::Queued(self.order)
    }

    fn set_stage(&mut self, subject: &Subject, stage: Stage) {
        if let Some(entry) = self.entries.get_mut(subject) {
            entry.stage = stage;
        }
    }
}

/// How many intervals after `due` the next moment after `now` lies.
fn periods_until(due: Duration, interval: Duration, now: Duration) -> u32 {
    let passed = now.saturating_sub(due).as_nanos() / interval.as_nanos().max(1);
    u32::try_from(passed + 1).unwrap_or(u32::MAX)
}

/// The first runs of those whose time has passed: soon, but not all at once.
struct Spread {
    of: u32,
    at: u32,
}

impl Spread {
    /// When the next of them runs, and, where there are so many that the rush would come back with each interval,
    /// where in its interval it has its place from then on.
    fn next(&mut self, interval: Duration) -> (Duration, Option<f64>) {
        let rush = limits::SPREAD_PER_CHECK * self.of;
        let wait = rush.min(interval).mul_f64(f64::from(self.at) / f64::from(self.of.max(1)));
        self.at += 1;
        (wait, (rush >= limits::RUSH).then(|| golden(self.at)))
    }
}

/// Steps of the golden ratio never come to lie together, however many there are.
fn golden(n: u32) -> f64 {
    (f64::from(n) * std::f64::consts::GOLDEN_RATIO).fract().max(0.01)
}

#[cfg(test)]
mod tests;
