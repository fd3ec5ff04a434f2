//! What is watched: results come in, the machine says what they mean, the disk keeps it, and then everybody who has to
//! know is told.
//!
//! | thread | does | falls behind |
//! |---|---|---|
//! | `checks` | starts what is due, takes what came of it | checks start later, counted; never more at once than configured |
//! | `monitors` | writes what has gathered in one transaction, then carries it on | results wait together; who sends some waits for the answer |
//!
//! A batch that cannot be written is tried again each second; until then nothing is taken from those who want an answer.

mod clock;
mod known;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use monitors::batch::{Carried, Prepared};
use monitors::config::CheckConfig;
use monitors::kinds::check::perfdata;
use monitors::kinds::check::{Checks, Executor, Finished, Job, Prober, Subject};
use monitors::machine::ObjectName;
use monitors::{Definitions, Monitors, Refused};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use vocabulary::ports::Successor;
use vocabulary::{PointBatch, PointSink, Timestamp};

use crate::config::Config;
use crate::failure::Failure;
use crate::handling::Handlers;
use crate::house::House;
use crate::watcher::turning::Wheel;
use clock::Seen;
use known::Known;

/// Time alone brings something about this often at least: a snooze ends, a downtime begins.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// What somebody asks for is started within this time.
const LONGEST_WAIT_FOR_RESULTS: Duration = Duration::from_millis(200);
const RETRY_WRITING_AFTER: Duration = Duration::from_secs(1);
/// History that is too old is looked for so often, and not before in a run: a clock that is wrong at the start is mended
/// by then.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// … and while there is more of it, a part is taken out this often.
const PRUNE_MORE_AFTER: Duration = Duration::from_secs(2);

/// Plain counters of this part.
#[derive(Default)]
pub struct WatchingStats {
    pub runs: AtomicU64,
    pub timed_out: AtomicU64,
    pub cut_bytes: AtomicU64,
    pub clock_steps: AtomicU64,
    /// When the last batch was on the disk, or there was nothing to write.
    pub last_written: AtomicI64,
    /// How late checks were started, in all, and the last one.
    pub latency_microseconds: AtomicU64,
    pub last_latency_microseconds: AtomicU64,
    pub last_result: AtomicI64,
}

pub struct Watching {
    house: Arc<House>,
    checks: Mutex<Checks>,
    executor: Executor,
    /// Asks what is not a process.
    prober: Arc<dyn Prober>,
    runtime: Handle,
    /// Who asked for a run, and wants to know when its result is in.
    asked: Mutex<HashMap<Subject, Vec<oneshot::Sender<()>>>>,
    pub handlers: Handlers,
    /// For times that must not go back.
    began: Instant,
    stop: AtomicBool,
    /// Wakes whoever waits for results.
    stopped: tokio::sync::Notify,
    pub stats: WatchingStats,
}

/// The threads; they end when [`stop`](Self::stop) is called.
pub struct Running {
    watching: Arc<Watching>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(house: &Arc<House>, runtime: Handle, prober: Arc<dyn Prober>) -> Result<Running, Failure> {
        let config = house.config.load_full();
        let (executor, finished) = Executor::new(runtime.clone(), config.checks.max_concurrent);
        let checks = Checks::new(config.checks.clone(), jiff::tz::TimeZone::system(), prober.clone());
        let watching = Arc::new(Watching {
            house: house.clone(),
            checks: Mutex::new(checks),
            executor,
            prober,
            runtime,
            asked: Mutex::default(),
            handlers: Handlers::default(),
            began: Instant::now(),
            stop: AtomicBool::new(false),
            stopped: tokio::sync::Notify::new(),
            stats: WatchingStats::default(),
        });
        watching.schedule(&config);
        house.monitors.attended(true);
        house.watching.store(Arc::new(Some(watching.clone())));
        let (committing, running) = (watching.clone(), watching.clone());
        let threads = [
            std::thread::Builder::new().name("monitors".into()).spawn(move || committing.write_batches()),
            std::thread::Builder::new().name("checks".into()).spawn(move || running.run_checks(finished)),
        ];
        let threads = threads.into_iter().collect::<Result<_, _>>().map_err(Failure::doing("start"))?;
        Ok(Running { watching, threads })
    }

    /// What was answered for is on the disk when this returns.
    pub fn stop(self) {
        self.watching.stop.store(true, Ordering::Relaxed);
        self.watching.stopped.notify_one();
        self.watching.house.monitors.wake();
        for thread in self.threads {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        self.watching.house.watching.store(Arc::new(None));
    }
}

impl Watching {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn monitors(&self) -> &Monitors {
        &self.house.monitors
    }

    /// From now on these are run, those that ran before at their time.
    pub fn schedule(&self, config: &Config) {
        let now = self.house.clock.now();
        let all = self.monitors().definitions();
        let next_in = |subject: &Subject| self.monitors().next_in(&name_of(subject), now);
        self.checks.lock().set(&all, config.checks.clone(), self.began.elapsed(), next_in);
    }

    /// Somebody wants it now, and perhaps wants to know when its result is in.
    pub fn run_now(&self, name: &ObjectName) -> Result<oneshot::Receiver<()>, String> {
        let subject = subject_of(name).ok_or("only checks and hosts are run")?;
        let (tell, told) = oneshot::channel();
        let mut asked = self.asked.lock();
        if !self.checks.lock().scheduler.force(&subject) {
            return Err(format!("nothing is run for `{}`: its results are sent to it", subject.name()));
        }
        let waiting = asked.entry(subject).or_default();
        waiting.retain(|tell| !tell.is_closed());
        waiting.push(tell);
        Ok(told)
    }

    /// One run of a check that need not be defined; nothing comes of it here. Or everything that is wrong with it.
    pub fn trial(&self, mut check: CheckConfig) -> Result<Job, String> {
        if check.name.is_empty() {
            "trial".clone_into(&mut check.name);
        }
        let subject = Subject::Check(check.name.as_str().into());
        let mut all = Definitions::clone(&self.monitors().definitions());
        all.checks.retain(|other| other.name != check.name);
        let its_keys = format!("check.{}.", all.checks.len());
        all.checks.push(check);
        let problems = all.problems().into_iter();
        let problems =
            problems.filter_map(|(key, why)| Some(format!("{}: {why}", key.strip_prefix(&its_keys)?)));
        let problems: Vec<String> = problems.collect();
        if !problems.is_empty() {
            return Err(problems.join("\n"));
        }
        let config = self.house.config.load();
        let zone = jiff::tz::TimeZone::system();
        let mut checks = Checks::new(config.checks.clone(), zone, self.prober.clone());
        checks.set(&all, config.checks.clone(), Duration::ZERO, |_| None);
        let at = self.house.clock.now();
        let job = checks.once(&subject, at, &Known { monitors: self.monitors(), at });
        job.ok_or_else(|| "it is nothing that can be run".into())
    }

    /// It is run after so long, if its period and what it depends on allow it then.
    pub fn run_in(&self, name: &ObjectName, wait: Duration) {
        if let Some(subject) = subject_of(name) {
            self.checks.lock().scheduler.run_in(&subject, wait, self.began.elapsed());
        }
    }

    /// When it is run next, in seconds since 1970.
    pub fn next_run(&self, name: &ObjectName) -> Option<f64> {
        let next = self.checks.lock().scheduler.next_of(&subject_of(name)?)?;
        let wait = next.as_secs_f64() - self.began.elapsed().as_secs_f64();
        Some(self.house.clock.since_epoch().as_secs_f64() + wait)
    }

    pub fn check_stats(&self) -> monitors::kinds::check::schedule::ScheduleStats {
        self.checks.lock().stats(self.began.elapsed())
    }

    fn run_checks(&self, mut finished: mpsc::Receiver<Finished>) {
        while !self.stopping() {
            self.house.turning.note(Wheel::Checks);
            let at = self.house.clock.now();
            let estate = Known { monitors: self.monitors(), at };
            self.miss(at, &estate);
            let jobs = self.checks.lock().due(self.began.elapsed(), at, &estate);
            jobs.into_iter().for_each(|job| self.executor.start(job));
            // Made inside, where there is a clock to make it with.
            let first = async {
                tokio::select! {
                    first = finished.recv() => first,
                    () = self.stopped.notified() => None,
                    () = tokio::time::sleep(self.until_next()) => None,
                }
            };
            if let Some(first) = self.runtime.block_on(first) {
                self.take(first);
                while let Ok(next) = finished.try_recv() {
                    self.take(next);
                }
            }
        }
    }

    /// Results that should have come.
    fn miss(&self, at: Timestamp, estate: &Known<'_>) {
        let stale = self.checks.lock().stale(self.began.elapsed(), at, estate);
        for (subject, outcome) in stale {
            if let Err(why) = self.monitors().ran(&name_of(&subject), &outcome, 0.0, at) {
                tracing::warn!(%subject, %why, "that no result came in time could not be kept");
            }
        }
    }

    fn until_next(&self) -> Duration {
        let next = self.checks.lock().scheduler.next_due();
        let wait = next.map_or(LONGEST_WAIT_FOR_RESULTS, |next| next.saturating_sub(self.began.elapsed()));
        wait.min(LONGEST_WAIT_FOR_RESULTS)
    }

    fn take(&self, finished: Finished) {
        let stats = &self.stats;
        stats.runs.fetch_add(1, Ordering::Relaxed);
        stats.timed_out.fetch_add(u64::from(finished.timed_out), Ordering::Relaxed);
        stats.cut_bytes.fetch_add(finished.cut, Ordering::Relaxed);
        let late = finished.latency.as_micros() as u64;
        stats.latency_microseconds.fetch_add(late, Ordering::Relaxed);
        stats.last_latency_microseconds.store(late, Ordering::Relaxed);
        stats.last_result.store(self.house.clock.now().0, Ordering::Relaxed);
        let name = name_of(&finished.subject);
        let latency = finished.latency.as_secs_f64();
        let taken = self.monitors().ran(&name, &finished.outcome, latency, self.house.clock.now());
        if let Err(Refused::NotFound(_)) = taken {
            tracing::debug!(name = %finished.subject, "a result of a check that is no longer defined");
        }
        let next_in = self.monitors().interval(&name).unwrap_or_default();
        self.checks.lock().finished(&finished.subject, next_in, self.began.elapsed());
        if finished.forced {
            let waiting = self.asked.lock().remove(&finished.subject).unwrap_or_default();
            // Who does not wait any more has gone.
            for tell in waiting {
                let _ = tell.send(());
            }
        }
    }

    fn write_batches(&self) {
        let mut seen = Seen::new(&*self.house.clock);
        let mut prune_at = Instant::now() + PRUNE_EVERY;
        while !self.stopping() {
            self.house.turning.note(Wheel::Monitors);
            self.monitors().wait_for_work(self.until_due());
            let now = self.house.clock.now();
            if seen.stepped(&*self.house.clock) {
                self.stats.clock_steps.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    "the clock was set, or the machine slept: nothing is called late because of that"
                );
                self.checks.lock().scheduler.ask_again(self.began.elapsed());
                prune_at = Instant::now() + PRUNE_EVERY;
            }
            self.monitors().tick(now);
            self.write(now);
            self.tick_incidents(now);
            if Instant::now() >= prune_at {
                prune_at = Instant::now() + self.prune(now);
            }
        }
        self.write(self.house.clock.now());
    }

    /// Takes a part of what is too old out of the history. Tells when to come again.
    fn prune(&self, now: Timestamp) -> Duration {
        let keep = self.house.config.load().monitors.keep_history.0;
        match self.monitors().prune(keep, now) {
            Ok(true) => PRUNE_MORE_AFTER,
            Ok(false) => PRUNE_EVERY,
            Err(error) => {
                tracing::warn!(%error, "old results could not be taken out; trying again in an hour");
                PRUNE_EVERY
            }
        }
    }

    fn until_due(&self) -> Duration {
        let now = self.house.clock.now();
        let due = self.monitors().next_due().map_or(i64::MAX, |due| due.since(now));
        Duration::from_secs(due.clamp(0, 1) as u64).clamp(Duration::from_millis(20), LONGEST_SLEEP)
    }

    /// Until it is on the disk; gives up only when the server stops.
    fn write(&self, now: Timestamp) {
        let Some(prepared) = self.monitors().prepare() else {
            self.stats.last_written.store(now.0, Ordering::Relaxed);
            return;
        };
        let mut batch = self.house.desk.batch();
        batch.take(&prepared.carried.changes, &prepared.carried.notices, now);
        loop {
            let written = self.house.state.transaction(|tx| {
                prepared.write(tx)?;
                batch.save(tx)
            });
            match written {
                Ok(()) => break,
                Err(error) => {
                    // Others may act on incidents meanwhile, and are told themselves that the disk does not take it.
                    drop(batch);
                    tracing::error!(%error, "what monitors say cannot be kept; trying again");
                    self.monitors().failed(error.to_string());
                    if self.stopping() {
                        return;
                    }
                    std::thread::sleep(RETRY_WRITING_AFTER);
                    batch = self.house.desk.batch();
                }
            }
        }
        batch.committed();
        self.monitors().committed(&prepared);
        self.stats.last_written.store(now.0, Ordering::Relaxed);
        self.carry_on(prepared, now);
    }

    fn carry_on(&self, prepared: Prepared, now: Timestamp) {
        let Carried { changes, handlers, looks, results, .. } = prepared.carried;
        self.note_freshness(&results);
        self.store_points(&results);
        if let Some(services) = self.house.services.load().as_ref() {
            services.hub.tell_changes(&changes);
        }
        for name in looks {
            if let Some(subject) = subject_of(&name) {
                self.checks.lock().scheduler.run_in(&subject, Duration::ZERO, self.began.elapsed());
            }
        }
        for (name, _) in handlers {
            self.handle(&name, now);
        }
    }

    fn note_freshness(&self, results: &[(ObjectName, monitors::Outcome, f64)]) {
        for (name, _, latency) in results {
            let Some(subject) = subject_of(name) else { continue };
            let next_in = self.monitors().interval(name).unwrap_or_default();
            let latency = Duration::try_from_secs_f64(*latency).unwrap_or_default();
            self.checks.lock().seen(&subject, next_in, latency, self.began.elapsed());
        }
    }

    fn store_points(&self, results: &[(ObjectName, monitors::Outcome, f64)]) {
        let mut batch = PointBatch::default();
        let checks = self.checks.lock();
        for (name, outcome, latency) in results {
            let Some(subject) = subject_of(name) else { continue };
            let Some((host, service)) = checks.place(&subject) else { continue };
            for (series, value) in perfdata::points(host, service, outcome, *latency) {
                batch.push_parts(&[series.as_bytes()], outcome.at, value);
            }
        }
        drop(checks);
        self.house.store.write(&batch, &mut Successor::default());
    }

    /// One bounded command, if event handlers are switched on.
    fn handle(&self, name: &ObjectName, now: Timestamp) {
        if !self.house.config.load().checks.event_handlers {
            return;
        }
        let Some(subject) = subject_of(name) else { return };
        let estate = Known { monitors: self.monitors(), at: now };
        let Some(run) = self.checks.lock().event_handler(&subject, now, &estate) else { return };
        self.handlers.run(&self.runtime, &self.house, subject, run, now);
    }

    fn tick_incidents(&self, now: Timestamp) {
        let estate = Known { monitors: self.monitors(), at: now };
        if let Err(error) = self.house.desk.tick(&estate, now) {
            tracing::error!(%error, "what incidents bring about with time cannot be kept; trying again");
        }
    }
}

pub fn name_of(subject: &Subject) -> ObjectName {
    match subject {
        Subject::Check(name) => ObjectName::Check(name.to_string()),
        Subject::Host(name) => ObjectName::Host(name.to_string()),
    }
}

fn subject_of(name: &ObjectName) -> Option<Subject> {
    match name {
        ObjectName::Check(name) => Some(Subject::Check(name.as_str().into())),
        ObjectName::Host(name) => Some(Subject::Host(name.as_str().into())),
        ObjectName::Instance(..) => None,
    }
}
