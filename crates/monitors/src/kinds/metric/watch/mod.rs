//! All metric monitors under the real clock: what is due is read once for all of them, fed, and told.
//!
//! A slot is fed as soon as its points are there, and without them once it is over for as long as late points take:
//! that is measured for each instance, and falls again slowly. At a start, windows are filled from what is stored;
//! until they are, nothing is told.

mod expressions;
mod instance;
mod items;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use vocabulary::SeriesRef;
use vocabulary::state::{State, StateType};

use super::ranking;
use super::rule::{Problems, Rule};
use super::source::{Look, Slots};
use super::track::Blind;
use crate::Outcome;
use crate::config::{MonitorConfig, MonitorKind};
use crate::limits::{
    CATCH_UP_SLOTS, COSTLY_FIND, FIND_EVERY_SECONDS, FOUND_A_SECOND, LONGEST_LAG_SECONDS, SERIES_A_READ,
};

use expressions::Evaluator;
use instance::Instance;
pub use items::{Finder, Item, find_all, primary};
use watched::{Making, Watched};

/// A result of an instance, for the state machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub monitor: Arc<str>,
    pub instance: Arc<str>,
    pub outcome: Outcome,
}

/// What one look at everything came to.
#[derive(Debug, Default)]
pub struct Results {
    pub told: Vec<Told>,
    /// Instances that are forgotten, after what was told: (monitor, instance). They have been fine and silent for
    /// long, or their monitor does not mean them any more.
    pub gone: Vec<(Arc<str>, Arc<str>)>,
}

/// Counters and the last look, for health and own series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WatchStats {
    pub monitors: usize,
    pub instances: usize,
    pub slots: u64,
    /// Points that came after their slot was judged.
    pub late: u64,
    /// Series beyond the most that one monitor may have.
    pub refused_instances: u64,
    /// Series whose windows would have taken more memory than all may.
    pub refused_windows: u64,
    pub failed_reads: u64,
    /// What all windows take once they are full.
    pub window_bytes: usize,
    /// How far the instance that is furthest behind is behind, in seconds, beyond the lag that it waits for.
    pub behind: i64,
}

/// What the state machine knew before.
pub trait Kept {
    fn state(&self, monitor: &str, instance: &str) -> Option<(State, StateType)>;
    /// All instances of a monitor.
    fn instances(&self, monitor: &str) -> Vec<Arc<str>>;
}

/// Nothing was kept.
impl Kept for () {
    fn state(&self, _: &str, _: &str) -> Option<(State, StateType)> {
        None
    }

    fn instances(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }
}

#[derive(Debug, Default)]
pub struct Watch {
    watched: Vec<Watched>,
    blind: Blind,
    last: i64,
    pub stats: WatchStats,
}

impl Watch {
    /// When nobody watched, up to now.
    pub fn was_blind(&mut self, blind: Blind) {
        if self.blind == blind {
            return;
        }
        let instances = self.watched.iter_mut().flat_map(|watched| &mut watched.instances);
        instances.for_each(|instance| instance.track.blind(Arc::clone(&blind)));
        self.blind = blind;
    }

    /// Takes new definitions. What did not change goes on where it was; what did begins anew from what is stored.
    pub fn reload(&mut self, monitors: &[MonitorConfig]) -> Result<(), Vec<(String, Problems)>> {
        let mut wrong = Vec::new();
        let mut rules = Vec::new();
        for config in monitors.iter().filter(|config| config.kind == MonitorKind::Metric) {
            match Rule::new(config) {
                Ok(rule) => rules.push((config, rule)),
                Err(problems) => wrong.push((config.name.clone(), problems)),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut before: HashMap<String, Watched> =
            self.watched.drain(..).map(|watched| (watched.config.name.clone(), watched)).collect();
        for (config, rule) in rules {
            self.watched.push(match before.remove(&config.name) {
                Some(same) if same.config == *config => same,
                Some(other) => Watched::new(config.clone(), rule).follows(&other),
                None => Watched::new(config.clone(), rule),
            });
        }
        Ok(())
    }

    /// Why monitors have nothing to tell: (monitor, what is wrong).
    pub fn troubles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.watched.iter().filter_map(|watched| Some((&*watched.rule.name, watched.trouble.as_deref()?)))
    }

    /// The rule and its instances, as pages show them.
    pub fn rule(&self, monitor: &str) -> Option<&Arc<Rule>> {
        self.watched.iter().find(|watched| *watched.rule.name == *monitor).map(|watched| &watched.rule)
    }

    /// Looks at everything that has something new. To be called each second, and again within it: points that came
    /// meanwhile need not wait for the next.
    pub fn tick(&mut self, look: &Look<'_>, kept: &dyn Kept) -> Results {
        let now = look.now.0;
        if now < self.last - LONGEST_LAG_SECONDS {
            // The clock was set back: what was judged as later is judged anew when it comes.
            self.watched.iter_mut().for_each(Watched::begin_anew);
        }
        let again = now == self.last;
        self.last = now;
        let mut budget = CATCH_UP_SLOTS;
        if again {
            self.feed_stored(look, &mut budget, Instance::is_lively);
        } else {
            let blind = Arc::clone(&self.blind);
            let making = Making { now, kept, blind: &blind };
            self.stats.window_bytes = self.watched.iter().map(Watched::window_bytes).sum();
            self.find(look, making);
            self.feed_stored(look, &mut budget, |_| true);
            self.feed_expressions(look, making, &mut budget);
        }
        let mut results = Results::default();
        for watched in &mut self.watched {
            watched.tell(now, kept, &mut results);
        }
        self.measure(now);
        results
    }

    fn feed_expressions(&mut self, look: &Look<'_>, making: Making<'_>, budget: &mut i64) {
        let evaluator = Evaluator::new(look);
        for watched in self.watched.iter_mut().filter(|watched| !watched.reads_stored()) {
            watched.feed_expressions(&evaluator, making, &mut self.stats, budget);
        }
    }

    /// Names are looked up in turns, so that no second has to look for all of them; equal ones together.
    fn find(&mut self, look: &Look<'_>, making: Making<'_>) {
        let (now, finder, every) = (look.now.0, Finder::new(look), self.find_every());
        for watched in self.watched.iter_mut().filter(|watched| now >= watched.next_find) {
            let (first, begun) = (watched.next_find == 0, Instant::now());
            watched.find(&finder, making, &mut self.stats);
            let every = if begun.elapsed() > COSTLY_FIND { FIND_EVERY_SECONDS } else { every };
            watched.next_find = now + if first { 1 + watched.turn() % every } else { every };
        }
    }

    /// Where little is watched, a new series is seen at once.
    fn find_every(&self) -> i64 {
        let watched = self.stats.monitors + self.stats.instances;
        (1 + watched / FOUND_A_SECOND).min(FIND_EVERY_SECONDS as usize) as i64
    }

    fn measure(&mut self, now: i64) {
        (self.stats.monitors, self.stats.instances, self.stats.behind) = (self.watched.len(), 0, 0);
        for watched in &self.watched {
            self.stats.instances += watched.instances.len();
            for instance in &watched.instances {
                let judged = now - instance.step - instance.wait(&watched.rule, true);
                self.stats.behind = self.stats.behind.max(judged - instance.cursor);
            }
        }
    }

    /// One fetch for all stored series that are at the same second.
    fn feed_stored(&mut self, look: &Look<'_>, budget: &mut i64, wanted: fn(&Instance) -> bool) {
        let mut jobs: Vec<Job> = Vec::new();
        let mut groups: BTreeMap<(i64, i64), Vec<Wanted>> = BTreeMap::new();
        for (place, watched) in self.watched.iter().enumerate() {
            for (index, instance) in watched.instances.iter().enumerate().filter(|(_, one)| wanted(one)) {
                let Some(until) = instance.due(look.now.0, &mut *budget) else { continue };
                if instance.stored.iter().all(Option::is_none) && !watched.reads_stored() {
                    continue;
                }
                let job = jobs.len();
                jobs.push(Job {
                    watched: place,
                    instance: index,
                    until,
                    rows: vec![None; watched.rule.inputs.len()],
                    failed: false,
                });
                let back = instance.look_back(look.now.0 + index as i64) * instance.step;
                for (number, input) in watched.rule.inputs.iter().enumerate() {
                    let Some(stored) = instance.stored[input.target] else { continue };
                    let from = instance.cursor - back - input.earlier;
                    let span = (from, until - input.earlier);
                    groups.entry(span).or_default().push((stored.series, job, number));
                }
            }
        }
        for (span, members) in groups {
            for members in members.chunks(SERIES_A_READ.min(look.limits.max_series)) {
                self.read(look, span, members, &mut jobs);
            }
        }
        // What could not be read is not known to be missing: it is read again in the next second.
        jobs.retain(|job| !job.failed);
        self.feed_jobs(jobs, look.now.0);
    }

    fn read(&mut self, look: &Look<'_>, (from, until): (i64, i64), members: &[Wanted], jobs: &mut [Job]) {
        let series: Vec<SeriesRef> = members.iter().map(|(series, ..)| *series).collect();
        let Ok(rows) = look.fetch(&series, from, until) else {
            self.stats.failed_reads += 1;
            members.iter().for_each(|(_, job, _)| jobs[*job].failed = true);
            return;
        };
        for ((_, job, input), row) in members.iter().zip(rows) {
            let Job { watched, instance, .. } = jobs[*job];
            let watched = &self.watched[watched];
            let target = watched.rule.inputs[*input].target;
            if let Some(stored) = &watched.instances[instance].stored[target] {
                jobs[*job].rows[*input] = Some(Slots::of_row(row, stored));
            }
        }
    }

    fn feed_jobs(&mut self, jobs: Vec<Job>, now: i64) {
        let mut jobs = jobs.into_iter().peekable();
        while let Some(first) = jobs.next() {
            let place = first.watched;
            let mut of_one = vec![first];
            while let Some(job) = jobs.next_if(|job| job.watched == place) {
                of_one.push(job);
            }
            let Watched { rule, instances, .. } = &mut self.watched[place];
            if rule.ranks() {
                let newest = of_one.iter().map(|job| (job.instance, &job.rows));
                ranking::rank(rule, newest, |instance, input, place| {
                    instances[instance].track.rank(input, place)
                });
            }
            for job in of_one {
                let instance = &mut instances[job.instance];
                instance.feed(rule, &job.rows, job.until, now, true, &mut self.stats);
            }
        }
    }
}

/// A series, the job that needs it, and for which input.
type Wanted = (SeriesRef, usize, usize);

/// An instance that has something new, and its rows.
struct Job {
    watched: usize,
    instance: usize,
    until: i64,
    rows: Vec<Option<Slots>>,
    failed: bool,
}
