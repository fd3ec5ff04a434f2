//! All metric monitors under the real clock: what is due is read once for all of them, fed, and told.
//!
//! A slot is fed as soon as its points are there, and without them once it is over for as long as late points take:
//! that is measured for each instance, and falls again slowly. At a start, windows are filled from what is stored;
//! until they are, nothing is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use vocabulary::state::{State, StateType};
use vocabulary::{SeriesRef, Timestamp};

use super::condition::Name;
use super::feed::{Until, feed};
use super::funnel;
use super::ranking;
use super::rule::{Problems, Rule};
use super::source::{Found, Look, Slots, Stored, Subject};
use super::telling::{self, Voice};
use super::track::{Blind, Standing, Track};
use crate::Outcome;
use crate::config::{MonitorConfig, MonitorKind};
use crate::limits::{
    CATCH_UP_SECONDS, CATCH_UP_SLOTS, FIND_EVERY_SECONDS, FORGET_SECONDS, LONGEST_LAG_SECONDS,
    MAX_INSTANCES_OF_MONITOR, REPEAT_SECONDS,
};

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
    /// Instances that have been fine and silent for so long that they are forgotten: (monitor, instance).
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
    pub failed_reads: u64,
    /// Bytes of all windows.
    pub window_bytes: usize,
    /// How far the instance that is furthest behind is behind, in seconds, beyond the lag that it waits for.
    pub behind: i64,
}

/// What the state machine knew of an instance before.
pub type Before<'a> = &'a dyn Fn(&str, &str) -> Option<(State, StateType)>;

#[derive(Debug, Default)]
pub struct Watch {
    watched: Vec<Watched>,
    blind: Blind,
    last: i64,
    pub stats: WatchStats,
}

#[derive(Debug)]
struct Watched {
    config: MonitorConfig,
    rule: Arc<Rule>,
    subjects: Vec<Subject>,
    instances: Vec<Instance>,
    by_name: HashMap<Arc<str>, usize>,
    next_find: i64,
    /// Why there is nothing to tell.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Instance {
    name: Arc<str>,
    key: Arc<str>,
    track: Track,
    /// Stored series, one for each target.
    stored: Vec<Option<Stored>>,
    /// The newest slot that was fed.
    cursor: i64,
    step: i64,
    /// Seconds that late points take.
    lag: i64,
    /// Slots that were judged without a point, newest last.
    missed: u64,
    caught_up: bool,
    voice: Voice,
    found_at: i64,
}

impl Watch {
    /// `blind`: when nobody watched, in order: (first, last) second.
    pub fn new(blind: Vec<(i64, i64)>) -> Watch {
        Watch { blind: blind.into(), ..Watch::default() }
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
            let kept = before.remove(&config.name).filter(|watched| watched.config == *config);
            self.watched.push(kept.unwrap_or_else(|| Watched::new(config.clone(), rule)));
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

    /// Looks at everything that has something new. To be called each second.
    pub fn tick(&mut self, look: &Look<'_>, before: Before<'_>) -> Results {
        let now = look.now.0;
        if now < self.last - LONGEST_LAG_SECONDS {
            // The clock was set back: what was judged as later is judged anew when it comes.
            self.watched.iter_mut().for_each(Watched::begin_anew);
        }
        self.last = now;
        let mut results = Results::default();
        for watched in &mut self.watched {
            if now >= watched.next_find {
                watched.find(look, before, &self.blind, &mut self.stats);
                watched.next_find = now + FIND_EVERY_SECONDS;
            }
        }
        let mut budget = CATCH_UP_SLOTS;
        self.feed_stored(look, &mut budget);
        for watched in &mut self.watched {
            watched.feed_expressions(look, before, &self.blind, &mut self.stats, &mut budget);
        }
        self.stats.behind = 0;
        (self.stats.monitors, self.stats.instances, self.stats.window_bytes) = (self.watched.len(), 0, 0);
        for watched in &mut self.watched {
            watched.tell(now, &mut results);
            self.stats.instances += watched.instances.len();
            for instance in &watched.instances {
                self.stats.window_bytes +=
                    if watched.rule.windows.is_empty() { 0 } else { instance.track.bytes() };
                let judged = now - instance.step - instance.wait(&watched.rule, true);
                self.stats.behind = self.stats.behind.max(judged - instance.cursor);
            }
        }
        results
    }

    /// One fetch for all stored series that are at the same second.
    fn feed_stored(&mut self, look: &Look<'_>, budget: &mut i64) {
        let mut jobs: Vec<Job> = Vec::new();
        let mut groups: BTreeMap<(i64, i64), Vec<Wanted>> = BTreeMap::new();
        for (place, watched) in self.watched.iter().enumerate() {
            for (index, instance) in watched.instances.iter().enumerate() {
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
        for ((from, until), members) in groups {
            let series: Vec<SeriesRef> = members.iter().map(|(series, ..)| *series).collect();
            let rows = match look.fetch(&series, from, until) {
                Ok(rows) => rows,
                Err(_) => {
                    self.stats.failed_reads += 1;
                    continue;
                }
            };
            for ((_, job, input), row) in members.into_iter().zip(rows) {
                let Job { watched, instance, .. } = jobs[job];
                let watched = &self.watched[watched];
                let target = watched.rule.inputs[input].target;
                if let Some(stored) = &watched.instances[instance].stored[target] {
                    jobs[job].rows[input] = Some(Slots::of_row(row, stored));
                }
            }
        }
        self.feed_jobs(jobs, look.now.0);
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
}

/// Late points are looked for so often, in seconds.
const LATE_LOOK_EVERY: i64 = 10;

impl Watched {
    fn new(config: MonitorConfig, rule: Rule) -> Watched {
        let subjects = rule.targets.iter().map(|target| Subject::of(&target.text)).collect();
        Watched {
            config,
            rule: Arc::new(rule),
            subjects,
            instances: Vec::new(),
            by_name: HashMap::new(),
            next_find: 0,
            trouble: None,
        }
    }

    fn begin_anew(&mut self) {
        self.instances.clear();
        self.by_name.clear();
        self.next_find = 0;
    }

    /// The target whose series are the instances.
    fn primary(&self) -> usize {
        primary(&self.rule)
    }

    fn reads_stored(&self) -> bool {
        self.subjects.iter().all(|subject| !matches!(subject, Subject::Expression(_)))
    }

    /// Stored series come and go.
    fn find(&mut self, look: &Look<'_>, before: Before<'_>, blind: &Blind, stats: &mut WatchStats) {
        if !self.reads_stored() {
            return;
        }
        let found = match find_all(&self.rule, &self.subjects, look) {
            Ok(found) => found,
            Err(why) => {
                stats.failed_reads += 1;
                self.trouble = Some(why);
                return;
            }
        };
        self.trouble = found.is_empty().then(|| "the target finds no series".to_owned());
        for item in found {
            let place = self.instance(item.name, item.key, look.now.0, before, blind, stats);
            if let Some(instance) = place.map(|place| &mut self.instances[place]) {
                for (input, of) in self.rule.inputs.iter().enumerate() {
                    if let Some(last) = item.stored[of.target].and_then(|stored| stored.last)
                        && of.earlier == 0
                        && last.0 <= instance.cursor
                    {
                        instance.track.last_seen(input, last);
                    }
                }
                instance.step = item.stored.iter().flatten().map(|stored| stored.step).min().unwrap_or(1);
                if item.stored.iter().all(Option::is_none) {
                    instance.track.expect();
                }
                instance.stored = item.stored;
            }
        }
    }

    /// The instance of this name, made if there is none.
    fn instance(
        &mut self,
        name: Arc<str>,
        key: Arc<str>,
        now: i64,
        before: Before<'_>,
        blind: &Blind,
        stats: &mut WatchStats,
    ) -> Option<usize> {
        if let Some(place) = self.by_name.get(&name) {
            self.instances[*place].found_at = now;
            return Some(*place);
        }
        if self.instances.len() >= MAX_INSTANCES_OF_MONITOR {
            stats.refused_instances += 1;
            return None;
        }
        let cursor = now - FIRST_LAG_SECONDS - 1 - self.rule.memory();
        let mut track = Track::new(&self.rule, Timestamp(cursor), Arc::clone(blind));
        let known = before(&self.rule.name, &name);
        if let Some((state, StateType::Hard)) = known {
            track.resume(&self.rule, state);
        }
        self.by_name.insert(Arc::clone(&name), self.instances.len());
        self.instances.push(Instance {
            name,
            key,
            track,
            stored: vec![None; self.rule.targets.len()],
            cursor,
            step: 1,
            lag: FIRST_LAG_SECONDS,
            missed: 0,
            caught_up: false,
            // Spread, so that not all come in one second.
            voice: Voice::new(
                known.unwrap_or((State::Ok, StateType::Hard)),
                now - self.instances.len() as i64 % REPEAT_SECONDS,
            ),
            found_at: now,
        });
        Some(self.instances.len() - 1)
    }

    /// Targets that are not plain names are evaluated from the second on that was last fed.
    fn feed_expressions(
        &mut self,
        look: &Look<'_>,
        before: Before<'_>,
        blind: &Blind,
        stats: &mut WatchStats,
        budget: &mut i64,
    ) {
        if self.reads_stored() {
            return;
        }
        let now = look.now.0;
        let newest = self.instances.iter().map(|instance| instance.cursor).min();
        let from = newest.unwrap_or(now - FIRST_LAG_SECONDS - 1 - self.rule.memory());
        let step = self.instances.iter().map(|instance| instance.step).min().unwrap_or(1);
        if now < from + step {
            return;
        }
        let until = now.min(from + CATCH_UP_SECONDS);
        let mut rows: Vec<Vec<(Found, Slots)>> = Vec::with_capacity(self.rule.inputs.len());
        for input in &self.rule.inputs {
            match look.evaluate(
                &self.rule.targets[input.target].text,
                from - input.earlier,
                until - input.earlier,
            ) {
                Ok(found) => rows.push(found),
                Err(why) => {
                    stats.failed_reads += 1;
                    self.trouble = Some(why);
                    return;
                }
            }
        }
        let primary = self.primary();
        let first = self.rule.inputs.iter().position(|input| input.target == primary).unwrap_or(0);
        let names: Vec<(Arc<str>, Arc<str>)> = match rows.get(first) {
            Some(found) => {
                found.iter().map(|(found, _)| (Arc::clone(&found.name), Arc::clone(&found.key))).collect()
            }
            None => Vec::new(),
        };
        self.trouble =
            (names.is_empty() && self.instances.is_empty()).then(|| "the target finds no series".to_owned());
        for (name, key) in names {
            self.instance(name, key, now, before, blind, stats);
        }
        let of_key: Vec<HashMap<&str, &Slots>> = rows
            .iter()
            .map(|found| found.iter().map(|(found, slots)| (&*found.key, slots)).collect())
            .collect();
        let rule = Arc::clone(&self.rule);
        let mut jobs = Vec::new();
        for (index, instance) in self.instances.iter().enumerate() {
            let row = |found: &HashMap<&str, &Slots>| {
                found.get(&*instance.key).or_else(|| found.get("")).map(|slots| (*slots).clone())
            };
            jobs.push((index, of_key.iter().map(row).collect::<Vec<_>>()));
        }
        if rule.ranks() {
            let newest = jobs.iter().map(|(index, rows)| (*index, rows));
            ranking::rank(&rule, newest, |instance, input, place| {
                self.instances[instance].track.rank(input, place)
            });
        }
        for (index, rows) in jobs {
            *budget -= until - from;
            self.instances[index].feed(&rule, &rows, until, now, false, stats);
        }
    }

    /// What became of it, for the state machine: each change, and each state again after a while.
    fn tell(&mut self, now: i64, results: &mut Results) {
        let rule = &self.rule;
        let mut forgotten = Vec::new();
        for (index, instance) in self.instances.iter_mut().enumerate() {
            if !instance.caught_up {
                continue;
            }
            let standing = instance.track.standing(rule);
            let fine = standing == super::track::FINE;
            let vanished = instance.found_at + FORGET_SECONDS < now;
            if fine && vanished {
                results.gone.push((Arc::clone(&rule.name), Arc::clone(&instance.name)));
                forgotten.push(index);
                continue;
            }
            instance.tell(rule, standing, now, &mut results.told);
        }
        if !forgotten.is_empty() {
            let mut index = 0;
            self.instances.retain(|_| {
                index += 1;
                !forgotten.contains(&(index - 1))
            });
            self.by_name = self
                .instances
                .iter()
                .enumerate()
                .map(|(place, instance)| (Arc::clone(&instance.name), place))
                .collect();
        }
    }
}

/// Before anything was measured: the points of a second are there two seconds later.
const FIRST_LAG_SECONDS: i64 = 2;

impl Instance {
    /// Up to where it should be read now, if at all.
    fn due(&self, now: i64, budget: &mut i64) -> Option<i64> {
        if now < self.cursor + self.step {
            return None;
        }
        if now - self.cursor > LONGEST_LAG_SECONDS + 2 * self.step {
            // Filling windows from the past may take several turns.
            if *budget <= 0 {
                return None;
            }
            *budget -= (now - self.cursor).min(CATCH_UP_SECONDS) / self.step;
        }
        Some(now.min(self.cursor + CATCH_UP_SECONDS))
    }

    fn wait(&self, rule: &Rule, measured: bool) -> i64 {
        match rule.lag {
            Some(lag) => lag,
            None if measured => self.lag.clamp(1, LONGEST_LAG_SECONDS),
            None => self.lag.clamp(FIRST_LAG_SECONDS, LONGEST_LAG_SECONDS),
        }
    }

    /// `whole`: a point that is there is all there will be; what functions make of several series may be not.
    fn feed(
        &mut self,
        rule: &Rule,
        rows: &[Option<Slots>],
        until: i64,
        now: i64,
        whole: bool,
        stats: &mut WatchStats,
    ) {
        self.measure(rule, rows, now, stats);
        let over = now - self.wait(rule, whole);
        let last = if whole { until } else { until.min(over - self.step) };
        let before = self.cursor;
        self.cursor = feed(&mut self.track, rule, rows, before, Until { last, over }, |_, _, _| {});
        self.step = super::feed::step_of(rule, rows).max(1);
        stats.slots += ((self.cursor - before) / self.step) as u64;
        self.note_missed(rows, before);
        // As far as it can be: the next slot is not over.
        self.caught_up |= self.cursor + self.step > over - self.step;
    }

    /// How many slots that were judged are read again, to see points that came after that.
    fn look_back(&self, turn: i64) -> i64 {
        match self.missed {
            0 => 0,
            _ if turn % LATE_LOOK_EVERY == 0 => 64,
            missed if missed & 0xff != 0 => 8,
            _ => 0,
        }
    }

    /// How late are points? Slots that were judged without one tell it when they fill up.
    fn measure(&mut self, rule: &Rule, rows: &[Option<Slots>], now: i64, stats: &mut WatchStats) {
        let Some(Some(row)) = rows.first() else { return };
        if rule.inputs[0].earlier != 0 || !self.caught_up {
            return;
        }
        for back in 0..64 {
            let at = self.cursor - back * self.step;
            if self.missed >> back & 1 == 1 && matches!(row.beginning(at - 1, at), Some(Some(_))) {
                self.missed &= !(1 << back);
                // Of those further back it is not known when in the last seconds they came.
                let lag = if back < 8 { now - at - self.step + 1 } else { self.lag + 1 };
                self.lag = self.lag.max(lag).min(LONGEST_LAG_SECONDS);
                stats.late += 1;
            }
        }
        // What was needed once is forgotten by a second each ten minutes.
        if now % LAG_FALLS_EVERY == 0 && self.lag > FIRST_LAG_SECONDS {
            self.lag -= 1;
        }
    }

    fn note_missed(&mut self, rows: &[Option<Slots>], before: i64) {
        let Some(Some(row)) = rows.first() else { return };
        let mut at = before + self.step;
        while at <= self.cursor {
            let missed = matches!(row.beginning(at - 1, at), Some(None) | None);
            self.missed = self.missed << 1 | u64::from(missed);
            at += self.step;
        }
    }

    fn tell(&mut self, rule: &Rule, standing: Standing, now: i64, told: &mut Vec<Told>) {
        let times = self.voice.say(rule, standing, now);
        if times == 0 {
            return;
        }
        let outcome = telling::outcome(rule, &self.track, standing, Timestamp(now));
        for _ in 0..times {
            told.push(Told {
                monitor: Arc::clone(&rule.name),
                instance: Arc::clone(&self.name),
                outcome: outcome.clone(),
            });
        }
    }
}

/// A lag that is not needed any more falls by a second each so many.
const LAG_FALLS_EVERY: i64 = 600;

/// The target whose series are the instances: the monitor's, else the first that a condition names.
pub fn primary(rule: &Rule) -> usize {
    match rule.targets.iter().position(|target| target.name == Name::default()) {
        Some(target) => target,
        None => rule.inputs.first().map_or(0, |input| input.target),
    }
}

/// An instance with the stored series of each target.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub name: Arc<str>,
    pub key: Arc<str>,
    pub stored: Vec<Option<Stored>>,
}

/// All instances that stored series make.
pub fn find_all(rule: &Rule, subjects: &[Subject], look: &Look<'_>) -> Result<Vec<Item>, String> {
    if let Some(pattern) = &rule.funnel {
        return find_funnels(pattern, look);
    }
    let found = subjects.iter().map(|subject| subject.find(look)).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| error.to_string())?;
    let of_key: Vec<HashMap<&str, &Found>> =
        found.iter().map(|found| found.iter().map(|found| (&*found.key, found)).collect()).collect();
    let item = |first: &Found| {
        let stored = |found: &HashMap<&str, &Found>| {
            let alone = if found.len() == 1 { found.get("") } else { None };
            found.get(&*first.key).or(alone).and_then(|found| found.stored)
        };
        Item {
            name: Arc::clone(&first.name),
            key: Arc::clone(&first.key),
            stored: of_key.iter().map(stored).collect(),
        }
    };
    let mut items: Vec<Item> = found[primary(rule)].iter().map(item).collect();
    // A single name that nobody has sent yet is awaited, so that its absence can be told.
    if let (true, Subject::Pattern(name)) = (items.is_empty(), &subjects[primary(rule)])
        && !name.contains(['*', '?', '[', '{'])
    {
        let stored = of_key.iter().map(|found| found.get("").and_then(|found| found.stored)).collect();
        items.push(Item { name: name.as_str().into(), key: "".into(), stored });
    }
    Ok(items)
}

fn find_funnels(pattern: &str, look: &Look<'_>) -> Result<Vec<Item>, String> {
    let found = Subject::of(pattern).find(look).map_err(|error| error.to_string())?;
    let by_name: HashMap<&str, &Found> = found.iter().map(|found| (&*found.name, found)).collect();
    let queues = funnel::recognise(found.iter().map(|found| &*found.name));
    let item = |(queue, funnel): (String, funnel::Funnel)| {
        let stored = |name: &Option<String>| by_name.get(name.as_deref()?).and_then(|found| found.stored);
        let queue: Arc<str> = queue.into();
        Item { name: Arc::clone(&queue), key: queue, stored: funnel.stages.iter().map(stored).collect() }
    };
    Ok(queues.into_iter().map(item).collect())
}
